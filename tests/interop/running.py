"""The event loop, and the end with a traceback of whatever goes wrong in it."""

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


def start(work: Coroutine[Any, Any, None]) -> "asyncio.Task[None]":
    """Lets work go on beside everything else. An error in it ends the process, not only the task."""
    task = asyncio.ensure_future(work)
    task.add_done_callback(_look_at)
    return task


def _look_at(task: "asyncio.Task[None]") -> None:
    if not task.cancelled() and task.exception() is not None:
        asyncio.get_running_loop().call_exception_handler({"message": "a task failed", "exception": task.exception()})


async def forever() -> int:
    """Only orders end the process now."""
    await asyncio.get_running_loop().create_future()
    return 0
