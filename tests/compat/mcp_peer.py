"""A server of the Python SDK for MCP: mcp_peer.py PORT TRANSPORT (2.x, 1.x or FastMCP, whichever this environment has)."""
import asyncio
import sys

try:
    from fastmcp import Context, FastMCP as Server
except ImportError:
    try:
        from mcp.server.mcpserver import Context, MCPServer as Server
    except ImportError:
        from mcp.server.fastmcp import Context, FastMCP as Server

PORT, TRANSPORT = int(sys.argv[1]), sys.argv[2]


def tools(server):
    @server.tool()
    def add(a: int, b: int) -> int:
        """Add two integers."""
        return a + b

    @server.tool()
    def boom() -> str:
        """Raises."""
        raise RuntimeError("the database is down")

    @server.tool()
    async def slow(seconds: float, ctx: Context) -> str:
        """Tells progress."""
        for i in range(5):
            await asyncio.sleep(seconds / 5)
            await ctx.report_progress(i, 5)
        return "done"

    @server.tool()
    def big(kilobytes: int) -> str:
        """Much text."""
        return "x" * 1024 * kilobytes

    return server


try:
    tools(Server("peer")).run(transport=TRANSPORT, host="127.0.0.1", port=PORT)
except TypeError:  # 1.x takes both when it is made
    tools(Server("peer", host="127.0.0.1", port=PORT)).run(transport=TRANSPORT)
