"""What all tests share."""

import asyncio

# In the main thread asyncio makes a loop for whoever asks; pytest-asyncio asks, and nobody closes that loop. Its
# ResourceWarning then fails whichever test the garbage collector runs in.
asyncio.set_event_loop(None)
