"""The page in headless Chromium, driven over the DevTools protocol: what is typed, seen, read aloud and taken."""

import asyncio
import contextlib
import json
import shutil
import subprocess
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from pathlib import Path
from typing import Any

import aiohttp
import numpy as np
import pytest
import tensorflow as tf

from rnnzoo.serving.server.process import Server, make_server
from rnnzoo.serving.server.rest.port import RestPort

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
PATIENCE = 30.0
KEYS = {"Tab": 9, "Escape": 27, "ArrowDown": 40, "Digit2": 50}
ALT = 1

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="needs Chromium on the path")


class Page:
    """A tab: commands, the values of JavaScript, keys; and what it complained about and asked for."""

    def __init__(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        self._socket = socket
        self._last = 0
        self.complaints: list[str] = []
        self.requested: list[str] = []

    async def command(self, method: str, **parameters: Any) -> dict[str, Any]:
        self._last += 1
        await self._socket.send_json({"id": self._last, "method": method, "params": parameters})
        while True:
            message = await self._socket.receive_json(timeout=PATIENCE)
            if message.get("method") in ("Runtime.exceptionThrown", "Log.entryAdded"):
                self.complaints.append(json.dumps(message["params"]))
            if message.get("method") == "Network.requestWillBeSent":
                self.requested.append(message["params"]["request"]["url"])
            if message.get("id") == self._last:
                assert "error" not in message, message
                result: dict[str, Any] = message["result"]
                return result

    async def value(self, expression: str) -> Any:
        result = await self.command("Runtime.evaluate", expression=expression, awaitPromise=True, returnByValue=True)
        assert "exceptionDetails" not in result, result
        return result["result"].get("value")

    async def until(self, expression: str) -> None:
        async with asyncio.timeout(PATIENCE):
            while not await self.value(expression):
                await asyncio.sleep(0.02)

    async def settled(self) -> None:
        await self.until("asked === '' && document.querySelector('#words [role=option]') !== null")

    async def type(self, text: str) -> None:
        for character in text:
            await self.command("Input.insertText", text=character)
        await self.settled()

    async def press(self, code: str, modifiers: int = 0) -> None:
        key = code.removeprefix("Digit")
        for kind in ("rawKeyDown", "keyUp"):
            await self.command(
                "Input.dispatchKeyEvent",
                type=kind,
                key=key,
                code=code,
                modifiers=modifiers,
                windowsVirtualKeyCode=KEYS[code],
            )
        await self.settled()

    async def words(self) -> list[str]:
        return list(await self.value("[...document.querySelectorAll('#words .word')].map((word) => word.textContent)"))

    async def text(self) -> str:
        return str(await self.value("document.getElementById('text').value"))


@pytest.fixture(scope="module")
def server(exported: Path, arithmetic: Path) -> Iterator[Server]:
    server = make_server({"lm": exported, "numbers": arithmetic}, port=0, poll_seconds=0, rest_api_port=0)
    server.start()
    yield server
    server.stop()


@pytest.fixture(scope="module")
def address(server: Server) -> str:
    (part,) = (part for part in server.parts if isinstance(part, RestPort))
    return f"http://{part.address}"


@pytest.fixture(scope="module")
def devtools(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a running Chromium's DevTools."""
    process = subprocess.Popen(
        [
            str(CHROMIUM),
            "--headless=new",
            "--no-sandbox",
            "--disable-gpu",
            "--remote-debugging-port=0",
            f"--user-data-dir={tmp_path_factory.mktemp('chromium')}",
            "about:blank",
        ],
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stderr is not None
    with process.stderr, contextlib.closing(_Terminated(process)):
        for line in process.stderr:
            if "DevTools listening on ws://" in line:
                yield line.split("ws://")[1].split("/")[0]
                break
        else:
            pytest.skip("Chromium does not start here")


class _Terminated:
    def __init__(self, process: "subprocess.Popen[str]") -> None:
        self._process = process

    def close(self) -> None:
        self._process.terminate()
        self._process.wait(PATIENCE)


@contextlib.asynccontextmanager
async def fresh_tab(devtools: str, url: str) -> AsyncIterator[Page]:
    async with aiohttp.ClientSession(raise_for_status=True) as session:
        async with session.put(f"http://{devtools}/json/new?{url}") as response:
            tab = await response.json()
        async with session.ws_connect(tab["webSocketDebuggerUrl"], max_msg_size=0) as socket:
            yield Page(socket)


@pytest.fixture
def visit(devtools: str, address: str) -> Callable[[Callable[[Page], Coroutine[Any, Any, None]]], None]:
    """Runs steps on a fresh tab with the page, and sees to it that nothing was complained about."""

    def run(steps: Callable[[Page], Coroutine[Any, Any, None]]) -> None:
        async def on_a_fresh_tab() -> None:
            async with fresh_tab(devtools, "about:blank") as page:
                for domain in ("Runtime", "Log", "Network", "Page", "Accessibility"):
                    await page.command(f"{domain}.enable")
                await page.command("Page.navigate", url=f"{address}/")
                await page.until("document.readyState === 'complete'")
                await page.settled()
                await steps(page)
                assert [] == page.complaints
                assert page.requested
                assert all(url.startswith((address, "data:")) for url in page.requested)
                await page.command("Page.close")

        asyncio.run(on_a_fresh_tab())

    return run


@pytest.fixture(scope="module")
def predicted(exported: Path) -> Callable[[str], list[str]]:
    """The likeliest words by the model itself."""
    signature = tf.saved_model.load(str(exported / "1")).signatures["predict_next"]

    def words(text: str) -> list[str]:
        found: np.ndarray = signature(text=tf.constant([text]))["words"].numpy()[0]
        return [word.decode() for word in found if word != b"<unk>"]

    return words


def label(word: str) -> str:
    return "end of line ↵" if word == "<eos>" else word


def test_the_models_words_are_shown_and_taken(visit: Any, predicted: Callable[[str], list[str]]) -> None:
    async def steps(page: Page) -> None:
        await page.type("the game ")
        expected = predicted("the game")[:5]
        assert [label(word) for word in expected] == await page.words()

        shares = await page.value("[...document.querySelectorAll('#words .share')].map((share) => share.textContent)")
        numbers = [float(share.removesuffix(" %")) for share in shares if not share.startswith("<")]
        assert numbers == sorted(numbers, reverse=True)
        widths = await page.value("[...document.querySelectorAll('#words .bar')].map((bar) => bar.style.width)")
        assert "100%" == widths[0]

        await page.press("Digit2", ALT)
        taken = "\n" if expected[1] == "<eos>" else expected[1]
        assert (await page.text()).rstrip(" ").endswith(taken)
        before = await page.text()
        first = predicted(before.strip())[0]
        await page.press("Tab")
        assert (await page.text()) != before
        assert first == "<eos>" or (await page.text()).endswith(f"{first} ")

    visit(steps)


def test_the_middle_of_a_word_is_completed_from_what_is_known(visit: Any, predicted: Any) -> None:
    async def steps(page: Page) -> None:
        await page.type("the ")
        likely = next(word for word in predicted("the") if len(word) > 1 and word.isalpha())
        sent = len(page.requested)
        await page.type(likely[0])
        assert sent == len(page.requested)  # the words after "the" are known
        assert likely in await page.words()
        while (await page.words())[0] != likely:
            await page.press("ArrowDown", ALT)
            marked = await page.value("document.querySelector('[aria-selected=true] .word').textContent")
            if marked == likely:
                break
        await page.press("Tab")
        assert f"the {likely} " == await page.text()

    visit(steps)


def test_escape_lets_tab_leave_the_text(visit: Any) -> None:
    async def steps(page: Page) -> None:
        await page.type("the ")
        await page.press("Escape")
        await page.press("Tab")

        assert "the " == await page.text()
        assert "text" != await page.value("document.activeElement.id")

    visit(steps)


def test_screen_readers_are_told_all_that_is_seen(visit: Any, predicted: Any) -> None:
    async def steps(page: Page) -> None:
        await page.type("the game ")
        await page.until("document.getElementById('announcement').textContent !== ''")
        assert label(predicted("the game")[0]) in await page.value(
            "document.getElementById('announcement').textContent"
        )
        assert "polite" == await page.value("document.getElementById('announcement').ariaLive")

        tree = (await page.command("Accessibility.getFullAXTree"))["nodes"]
        named = [(node["role"]["value"], node["name"]["value"]) for node in tree if "name" in node and "role" in node]
        assert ("textbox", "Your text") in named
        assert ("listbox", "Likely next") in named
        assert ("combobox", "Model") in named
        assert "heading" in {role for role, _ in named}
        options = [name for role, name in named if role == "option" and name.endswith("%")]
        assert 5 == len(options)
        marked = "document.getElementById(document.getElementById('text').getAttribute('aria-activedescendant'))"
        assert "true" == await page.value(f"{marked}.getAttribute('aria-selected')")

    visit(steps)


def test_only_models_that_suggest_words_can_be_chosen(visit: Any) -> None:
    async def steps(page: Page) -> None:
        assert ["lm, version 1"] == await page.value("[...document.getElementById('model')].map((each) => each.text)")

    visit(steps)


def test_the_page_says_how_long_it_took(visit: Any) -> None:
    async def steps(page: Page) -> None:
        await page.type("stop ")
        for fact in ("compute", "server", "total"):
            assert (await page.value(f"document.getElementById('{fact}').textContent")).endswith(" ms")
        await page.type("real-time ")  # which no other test asks for
        assert "hit" == await page.value("document.getElementById('cache').textContent")

    visit(steps)


@pytest.mark.parametrize("width", [320, 390, 1280])
def test_it_fits_a_phone_and_a_desk_and_is_light_and_dark(visit: Any, width: int) -> None:
    async def steps(page: Page) -> None:
        await page.command(
            "Emulation.setDeviceMetricsOverride", width=width, height=800, deviceScaleFactor=1, mobile=width < 600
        )
        await page.type("the game ")
        assert width == await page.value("document.documentElement.scrollWidth")
        beyond = "[...document.querySelectorAll('body *:not(.hidden)')]" + (
            f".filter((each) => each.getBoundingClientRect().right > {width}).map((each) => each.outerHTML)"
        )
        assert [] == await page.value(beyond)

        colours = []
        for scheme in ("light", "dark"):
            await page.command(
                "Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": scheme}]
            )
            colours.append(await page.value("getComputedStyle(document.body).backgroundColor"))
        assert colours[0] != colours[1]

    visit(steps)


def test_contrast_of_text_is_enough_in_both_schemes(visit: Any) -> None:
    # WCAG AA: at least 4.5 to 1 for text of this size.
    ratio = """(() => {
        const light = (colour) => colour.match(/[\\d.]+/g).slice(0, 3).map(Number).map((value) => {
            const share = value / 255;
            return share <= 0.04045 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4;
        }).reduce((sum, share, index) => sum + share * [0.2126, 0.7152, 0.0722][index], 0);
        const ratio = (...two) => (Math.max(...two.map(light)) + 0.05) / (Math.min(...two.map(light)) + 0.05);
        const colour = (query, name) => getComputedStyle(document.querySelector(query))[name];
        const bar = colour('#words .bar', 'backgroundColor');
        return Math.min(
            ratio(colour('.caption', 'color'), colour('body', 'backgroundColor')),
            ratio(colour('#words .key', 'color'), bar),
            ratio(colour('#words .word', 'color'), bar),
            ratio(colour('#alert', 'color'), colour('body', 'backgroundColor')),
            ratio(colour('#text', 'color'), colour('#text', 'backgroundColor')));
    })()"""

    async def steps(page: Page) -> None:
        await page.type("the ")
        for scheme in ("light", "dark"):
            await page.command(
                "Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": scheme}]
            )
            assert await page.value(ratio) >= 4.5

    visit(steps)


def test_what_an_older_version_said_is_forgotten(devtools: str, exported: Path, tmp_path: Path) -> None:
    shutil.copytree(exported, tmp_path / "lm")
    server = make_server({"lm": tmp_path / "lm"}, port=0, poll_seconds=0, rest_api_port=0)
    server.start()
    (part,) = (part for part in server.parts if isinstance(part, RestPort))

    async def steps() -> None:
        async with fresh_tab(devtools, f"http://{part.address}/") as page:
            await page.until("document.readyState === 'complete'")
            await page.settled()
            await page.value("document.getElementById('text').focus()")
            await page.type("the game ")
            assert await page.value("answers.has('lm\\nthe game')")
            shutil.copytree(exported / "1", tmp_path / "lm" / "2")
            await asyncio.to_thread(server.repository.refresh)
            await page.value("document.getElementById('text').value = ''")
            await page.type("stop ")
            assert not await page.value("answers.has('lm\\nthe game')")
            assert "lm, version 2" == await page.value("document.getElementById('model').children[0].text")

    try:
        asyncio.run(steps())
    finally:
        server.stop()


def test_a_server_that_is_gone_is_told(devtools: str, exported: Path) -> None:
    ending = make_server({"lm": exported}, port=0, poll_seconds=0, rest_api_port=0)
    ending.start()
    (part,) = (part for part in ending.parts if isinstance(part, RestPort))

    async def steps() -> str:
        async with fresh_tab(devtools, f"http://{part.address}/") as page:
            await page.until("document.readyState === 'complete'")
            await page.settled()
            await asyncio.get_running_loop().run_in_executor(None, ending.stop, 1.0)
            await page.value("document.getElementById('text').focus()")
            await page.command("Input.insertText", text="the ")
            await page.until("document.getElementById('alert').textContent !== ''")
            return str(await page.value("document.getElementById('alert').textContent"))

    assert "The server does not answer" in asyncio.run(steps())


def test_no_page_where_it_is_switched_off(exported: Path) -> None:
    plain = make_server({"lm": exported}, port=0, poll_seconds=0, rest_api_port=0, playground=False)
    plain.start()
    (part,) = (part for part in plain.parts if isinstance(part, RestPort))

    async def status() -> int:
        async with aiohttp.ClientSession() as session, session.get(f"http://{part.address}/") as response:
            return response.status

    try:
        assert 404 == asyncio.run(status())
    finally:
        plain.stop()
