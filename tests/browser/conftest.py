"""A real Chromium in front of a factory at work, on a phone and on a desk, in both languages."""

import asyncio
import contextlib
import socket
from dataclasses import dataclass, field

import pytest
import pytest_asyncio

from tests.browser.chromium import NAMES, chromium
from tests.doors.console.sample import Sample, at_work, served

SIZES = {"phone": {"width": 390, "height": 844}, "desk": {"width": 1280, "height": 800}}
LOCALES = {"zh": "zh-CN", "en": "en-GB"}


@dataclass
class Looking:
    """One open browser page, and what went wrong on it."""

    page: object
    sample: Sample
    node: object
    base: str
    lang: str
    faults: list[str] = field(default_factory=list)

    async def to(self, address: str) -> None:
        await self.page.goto(self.base + address)

    async def sees(self, words: str) -> None:
        from playwright.async_api import TimeoutError as NotSeen

        try:
            await self.page.get_by_text(words).first.wait_for(timeout=30_000)
        except NotSeen as error:
            shown = await self.page.locator("body").inner_text()
            raise AssertionError(f"{words!r} is not on {self.page.url}, which shows: {shown[:1000]}") from error

    async def fits(self) -> None:
        """Nothing sticks out sideways."""
        assert await self.page.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0

    async def pair(self, scope: str = "owner", person: str = "") -> None:
        code = await self.node.devices.new_code(scope, person=person)
        await self.to(f"/pair?code={code}")
        await self.page.locator("form[action='/pair'] button.main").click()
        await self.page.wait_for_url(lambda address: "/pair" not in address)


def free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return free.getsockname()[1]


async def answers(port: int) -> None:
    """Wait until somebody listens at ``port``."""
    while True:
        with contextlib.suppress(OSError):
            (await asyncio.open_connection("127.0.0.1", port))[1].close()
            return
        await asyncio.sleep(0.02)


@pytest_asyncio.fixture(loop_scope="module")
async def firms():
    """The factory at work and its customer, each with its console at an address."""
    sample = await at_work()
    ended, places = asyncio.Event(), []
    for node in (sample.node, sample.shop):
        port = free_port()
        places.append((node, f"http://127.0.0.1:{port}", asyncio.create_task(served(node, port, ended))))
        await answers(port)
    yield sample, places
    ended.set()
    await asyncio.gather(*(serving for _, _, serving in places))
    await sample.stop()


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def browser():
    path = chromium()
    if not path:
        pytest.skip(f"no Chromium on this machine ({', '.join(NAMES)}): the console was NOT looked at")
    from playwright.async_api import async_playwright

    async with async_playwright() as playwright:
        running = await playwright.chromium.launch(executable_path=path, args=["--no-sandbox"])
        yield running
        await running.close()


@pytest_asyncio.fixture(loop_scope="module")
async def look(browser, firms):
    """Open a page: ``await look("zh", "phone")``; faults of scripts, policy and server fail the test."""
    sample, places = firms
    opened: list[Looking] = []

    async def open_page(lang: str, size: str, *, scripts: bool = True, dark: bool = False,
                        shop: bool = False) -> Looking:
        context = await browser.new_context(
            locale=LOCALES[lang], viewport=SIZES[size], is_mobile=size == "phone", has_touch=size == "phone",
            java_script_enabled=scripts, color_scheme="dark" if dark else "light")
        page = await context.new_page()
        node, base, _ = places[1 if shop else 0]
        looking = Looking(page, sample, node, base, lang)
        page.on("pageerror", lambda error: looking.faults.append(str(error)))
        page.on("console", lambda said: looking.faults.append(said.text) if said.type == "error" else None)
        page.on("response", lambda answer: looking.faults.append(f"{answer.status} {answer.url}")
                if answer.status >= 500 else None)
        opened.append(looking)
        return looking

    yield open_page
    for looking in opened:
        assert not looking.faults, looking.faults
        await looking.page.context.close()
