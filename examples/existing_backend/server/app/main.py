"""A backend that exists already, with hostcue put into it.

Start it from this folder with the founding document's command:

    uvicorn server.app.main:app --reload --port 10090
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import FastAPI
from fastapi.middleware.cors import CORSMiddleware

import hostcue


@asynccontextmanager
async def lifespan(app: FastAPI) -> AsyncIterator[None]:
    """The backend's own life, which goes on beside hostcue's."""
    app.state.greeting = "existing backend"
    yield


app = FastAPI(title="existing backend", lifespan=lifespan)
app.add_middleware(CORSMiddleware, allow_origins=["https://shop.example"])


@app.get("/api/shop/hello")
async def hello() -> dict[str, str]:
    """A route of the backend itself."""
    return {"shop": app.state.greeting}


hostcue.mount(app)
