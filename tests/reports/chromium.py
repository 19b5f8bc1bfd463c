"""A page in headless Chromium through its DevTools protocol: console output, rendered content, screenshots."""

import asyncio
import base64
import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

import aiohttp

T = TypeVar("T")
_NAMES = ("chromium", "chromium-browser", "google-chrome", "chrome")


def find_chromium() -> str | None:
    """Path of the browser; None if there is none."""
    return next((found for name in _NAMES if (found := shutil.which(name))), None)


@dataclass
class Page:
    """One open page."""

    socket: aiohttp.ClientWebSocketResponse
    problems: list[str] = field(default_factory=list)
    requests: list[str] = field(default_factory=list)
    _number: int = 0
    _loaded: bool = False

    async def call(self, method: str, **parameters: Any) -> dict[str, Any]:
        self._number += 1
        number = self._number
        await self.socket.send_json({"id": number, "method": method, "params": parameters})
        while True:
            message = await self.socket.receive_json(timeout=60)
            self._note(message)
            if message.get("id") == number:
                assert "error" not in message, message
                return dict(message["result"])

    def _note(self, message: dict[str, Any]) -> None:
        event, said = message.get("method"), message.get("params", {})
        if event == "Runtime.exceptionThrown":
            self.problems.append(str(said["exceptionDetails"].get("exception", said["exceptionDetails"])))
        elif event == "Runtime.consoleAPICalled" and said["type"] in ("error", "warning", "assert"):
            self.problems.append(str(said["args"]))
        elif event == "Log.entryAdded" and said["entry"]["level"] in ("error", "warning"):
            self.problems.append(said["entry"]["text"])
        elif event == "Network.requestWillBeSent":
            self.requests.append(said["request"]["url"])
        elif event == "Page.loadEventFired":
            self._loaded = True

    async def open(self, url: str) -> float:
        """Seconds until the page's load event and the frame after it."""
        for domain in ("Page", "Runtime", "Log", "Network"):
            await self.call(f"{domain}.enable")
        started = time.monotonic()
        await self.call("Page.navigate", url=url)
        while not self._loaded:
            self._note(await self.socket.receive_json(timeout=60))
        await self.evaluate("new Promise(done => requestAnimationFrame(() => setTimeout(done)))")
        return time.monotonic() - started

    async def evaluate(self, expression: str) -> Any:
        answer = await self.call("Runtime.evaluate", expression=expression, awaitPromise=True, returnByValue=True)
        assert "exceptionDetails" not in answer, answer
        return answer["result"].get("value")

    async def size(self, width: int, height: int) -> None:
        await self.call(
            "Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=False
        )

    async def prefer(self, scheme: str, media: str = "") -> None:
        features = [{"name": "prefers-color-scheme", "value": scheme}]
        await self.call("Emulation.setEmulatedMedia", media=media, features=features)

    async def screenshot(self, path: Path, *, whole: bool = False) -> None:
        answer = await self.call("Page.captureScreenshot", format="png", captureBeyondViewport=whole)
        path.write_bytes(base64.b64decode(answer["data"]))

    async def pdf(self, path: Path) -> None:
        answer = await self.call("Page.printToPDF", preferCSSPageSize=True, printBackground=False)
        path.write_bytes(base64.b64decode(answer["data"]))


def browse(visit: Callable[[Page], Coroutine[Any, Any, T]]) -> T:
    """Start a browser without a network, pass its page to `visit`, end the browser."""
    program = find_chromium()
    assert program is not None
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as profile:
        options = ["--headless=new", "--no-sandbox", "--disable-gpu", "--no-first-run", "--hide-scrollbars"]
        options += ["--remote-debugging-port=0", f"--user-data-dir={profile}", "--host-resolver-rules=MAP * ~NOTFOUND"]
        options += ["--remote-allow-origins=*", "--disable-dev-shm-usage"]
        with subprocess.Popen(
            [program, *options, "about:blank"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        ) as process:
            try:
                return asyncio.run(_visit(_port(Path(profile)), visit))
            finally:
                process.terminate()
                process.wait(20)


def _port(profile: Path) -> int:
    for _ in range(300):
        written = profile / "DevToolsActivePort"
        if written.exists() and (text := written.read_text().split()):
            return int(text[0])
        time.sleep(0.1)
    raise AssertionError("Chromium did not start within 30 seconds")


async def _visit(port: int, visit: Callable[[Page], Coroutine[Any, Any, T]]) -> T:
    async with aiohttp.ClientSession() as session:
        async with session.get(f"http://127.0.0.1:{port}/json/list") as answer:
            pages = [target for target in await answer.json() if target["type"] == "page"]
        async with session.ws_connect(pages[0]["webSocketDebuggerUrl"], max_msg_size=0) as socket:
            return await visit(Page(socket))
