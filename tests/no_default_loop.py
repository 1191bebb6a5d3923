"""A plugin of pytest for every test that is run with our settings, in this folder or not.

In the main thread asyncio makes a loop for whoever asks; pytest-asyncio asks, and nobody closes that loop. Its
ResourceWarning then fails whichever test the garbage collector runs in.
"""

import asyncio

asyncio.set_event_loop(None)
