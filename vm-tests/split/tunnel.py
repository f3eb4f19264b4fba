"""Carries connections from a port of this machine's loopback to another machine, as an operator's VPN or SSH tunnel does.

An executor sends its key over https or on loopback only, and the API itself has no TLS.
"""

import asyncio
import sys


async def carry(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Passes bytes on until there are no more."""
    try:
        while data := await reader.read(65536):
            writer.write(data)
            await writer.drain()
        writer.write_eof()
    except OSError:
        writer.close()


async def main(port: int, host: str, port_there: int) -> None:
    """Listens, for ever."""

    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            reader_there, writer_there = await asyncio.open_connection(host, port_there)
        except OSError:
            writer.close()
            return
        await asyncio.gather(carry(reader, writer_there), carry(reader_there, writer))
        writer.close()
        writer_there.close()

    await (await asyncio.start_server(connected, "127.0.0.1", port)).serve_forever()


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1]), sys.argv[2], int(sys.argv[3])))
