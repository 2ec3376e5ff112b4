"""The official client as a process: adds one note, and says so when it is stored."""

import sys

from convex import ConvexClient

client = ConvexClient(sys.argv[1])
client.mutation("notes:add", {"list": "official", "rank": 1, "text": "x" * 50_000})
sys.stdout.write("stored\n")
sys.stdout.flush()
