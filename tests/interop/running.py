"""What both programs share: the event loop, and the end with a traceback."""

from __future__ import annotations

import asyncio
import os
import traceback
from typing import Any, Coroutine


def run(program: Coroutine[Any, Any, int]) -> None:
    """Runs until the program returns its status; an uncaught error anywhere ends it with a traceback."""
    os._exit(asyncio.run(_watched(program)))


async def _watched(program: Coroutine[Any, Any, int]) -> int:
    asyncio.get_running_loop().set_exception_handler(_die)
    return await program


def _die(_loop: asyncio.AbstractEventLoop, context: dict) -> None:
    error = context.get("exception")
    if error is not None:
        traceback.print_exception(type(error), error, error.__traceback__)
    else:
        print(context["message"])
    os._exit(1)


async def forever() -> int:
    """Only orders end the process now."""
    await asyncio.get_running_loop().create_future()
    return 0
