"""The line between two firms: forwards TCP on loopback; ending this process cuts the line.

    python link.py 18001=18440 18002=18441

Prints one ready line. Not here: what runs over the line.
"""

import asyncio
import sys


async def _pipe(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        while data := await reader.read(65536):
            writer.write(data)
            await writer.drain()
    except OSError:
        pass
    finally:
        writer.close()


async def _forward(port: int, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        far_reader, far_writer = await asyncio.open_connection("127.0.0.1", port)
    except OSError:
        writer.close()
        return
    await asyncio.gather(_pipe(reader, far_writer), _pipe(far_reader, writer))


async def main(pairs: list[str]) -> None:
    """Forward until the process is ended."""
    servers = []
    for pair in pairs:
        listen, _, target = pair.partition("=")

        async def taken(
            reader: asyncio.StreamReader, writer: asyncio.StreamWriter, port: int = int(target)
        ) -> None:
            await _forward(port, reader, writer)

        servers.append(await asyncio.start_server(taken, "127.0.0.1", int(listen)))
    print("ready", flush=True)
    await asyncio.gather(*(server.serve_forever() for server in servers))


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1:]))
