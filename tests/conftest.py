"""What all tests share."""

import asyncio
import os

import hypothesis

# In the main thread asyncio makes a loop for whoever asks; pytest-asyncio asks, and nobody closes that loop. Its
# ResourceWarning then fails whichever test the garbage collector runs in.
asyncio.set_event_loop(None)

# The same examples every time, so that a change is judged by its own effect; PLATELET_EXPLORE=1 draws new ones.
hypothesis.settings.register_profile("steady", derandomize=True, deadline=None)
hypothesis.settings.register_profile("explore", deadline=None)
hypothesis.settings.load_profile("explore" if os.environ.get("PLATELET_EXPLORE") else "steady")
