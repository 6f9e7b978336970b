"""Firms behind closed doors with keepers of mail, in one process: the real engine, questions passed on directly."""

import asyncio
from dataclasses import dataclass, field

import msgspec

from tests.engine.world import Wires, befriend, found, until
from weft.basis.errors import Denied, NotFound, Refused, Unavailable, WeftError
from weft.config import Mailbox
from weft.engine.commands import run
from weft.engine.mail import mailbox
from weft.engine.mail.office import Mail
from weft.engine.node import Node


@dataclass
class Doors:
    """Keepers by address; ``dead`` ones answer nobody; ``asked`` is all that keepers ever saw: path and body."""

    keepers: dict[str, Node] = field(default_factory=dict)
    dead: set[str] = field(default_factory=set)
    asked: list[tuple[str, str, bytes]] = field(default_factory=list)
    deaf_after: set[str] = field(default_factory=set)  # the question arrives, the answer is lost


@dataclass
class DirectKeepers:
    """The port to keepers; what is said goes through the same bytes and checks as over HTTP."""

    doors: Doors

    async def ask(self, url: str, path: str, header: str, body: bytes) -> tuple[bytes, str]:
        await asyncio.sleep(0)
        node = self.doors.keepers.get(url)
        if node is None or url in self.doors.dead:
            raise Unavailable("mailbox.unreachable")
        self.doors.asked.append((url, path, header.encode() + body))
        answering = asyncio.ensure_future(self._answered(node, path, header, body))
        answer = await asyncio.shield(answering)  # who asked may die; the keeper goes on
        if url in self.doors.dead or path in self.doors.deaf_after:
            raise Unavailable("mailbox.unreachable")
        return answer

    async def _answered(self, node: Node, path: str, header: str, body: bytes) -> tuple[bytes, str]:
        keeper = node.mail.keeper
        try:
            keeper.knows(header, path)
            key, nonce = keeper.admit(header, path, body)
            answer = await keeper.answer(key, path, body)
            return answer, keeper.signed(nonce, answer)
        except (Denied, NotFound) as error:
            raise NotFound(error.code if error.code == "mailbox.no-letter" else "mailbox.unknown") from error
        except Refused:
            raise
        except WeftError as error:
            raise Unavailable(error.code) from error

    async def close(self) -> None:
        pass


async def with_mail(node: Node, doors: Doors, *, limits: Mailbox | None = None) -> Node:
    """``node`` with its mail, at work, and quick about it."""
    peers = msgspec.structs.replace(node.config.peers, mail_after_s=0.3, mail_check_s=0.2, poll_wait_s=1)
    node.config = msgspec.structs.replace(node.config, peers=peers, mailbox=limits or node.config.mailbox)
    node.mail = Mail(node, DirectKeepers(doors))
    node.mail.post.gather_s, node.tick_s = 0.02, 0.1
    await node.mail.load()
    node._tasks.append(asyncio.create_task(node.mail.run()))
    if node.config.firm.url:
        doors.keepers[node.config.firm.url] = node
    return node


async def closed(wires: Wires, doors: Doors, name: str, **how: object) -> Node:
    """A firm that nobody can reach, and that has no address."""
    node = await found(wires, name, url="", **how)
    wires.unreachable.add(node.organisation)
    return await with_mail(node, doors)


async def keeper(wires: Wires, doors: Doors, name: str, *, limits: Mailbox | None = None) -> Node:
    """A firm that keeps mail, at an address of its own; nobody here is its partner."""
    return await with_mail(await found(wires, name, url=f"http://{name.lower()}.example"), doors, limits=limits)


async def uses(node: Node, kept_by: Node) -> str:
    """``node`` has its mail kept by ``kept_by``; the place."""
    done = await run(kept_by, "mailbox-offer", {"note": "for a customer"})
    await run(node, "mailbox-use", {"link": done.facts["link"]})
    return str(done.facts["place"])


__all__ = ["DirectKeepers", "Doors", "Wires", "befriend", "closed", "keeper", "mailbox", "until", "uses", "with_mail"]
