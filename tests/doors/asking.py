"""Ask an application in this process, through ASGI and nothing else."""

import asyncio
from dataclasses import dataclass, field

import msgspec
from starlette.applications import Starlette


@dataclass
class Answer:
    """What came back."""

    status: int = 0
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""

    def json(self):
        return msgspec.json.decode(self.body)


class Client:
    """Asks the routes of a door, as the owner unless told otherwise."""

    def __init__(self, routes, token="", host="127.0.0.1"):
        self.application = Starlette(routes=routes)
        self.token, self.host = token, host

    async def ask(self, address, method="GET", headers=None, body=b"", token=None):
        path, _, query = address.partition("?")
        bearer = self.token if token is None else token
        given = {"host": "weft.test", **({"authorization": f"Bearer {bearer}"} if bearer else {}), **(headers or {})}
        from urllib.parse import unquote

        scope = {"type": "http", "http_version": "1.1", "method": method, "path": unquote(path), "root_path": "",
                 "raw_path": path.encode(), "query_string": query.encode(), "scheme": "http",
                 "headers": [(name.lower().encode(), value.encode()) for name, value in given.items()],
                 "client": (self.host, 1), "server": ("weft.test", 80)}
        answer, sent = Answer(), False

        async def receive():
            nonlocal sent
            if sent:
                await asyncio.sleep(3600)
            sent = True
            return {"type": "http.request", "body": body, "more_body": False}

        async def send(message):
            if message["type"] == "http.response.start":
                answer.status = message["status"]
                answer.headers = {name.decode(): value.decode() for name, value in message["headers"]}
            else:
                answer.body += message.get("body", b"")

        await self.application(scope, receive, send)
        return answer
