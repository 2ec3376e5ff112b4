"""todo: the model's plan, a list that each call replaces; people watch it being ticked off."""

from collections import Counter

from tools.output import ToolOutput
from tools.place import Place, Touches
from tools.plan import TODO_NAME, Todo, TodoList
from tools.tool import Tool


async def todo(arguments: Todo, place: Place) -> ToolOutput:
    """Replace the plan."""
    place.need(TodoList).replace(arguments.items)
    if not arguments.items:
        return ToolOutput("The plan is empty now.")
    count = Counter(item.status for item in arguments.items)
    return ToolOutput(
        f"The plan is kept: {count['completed']} of {len(arguments.items)} done, "
        f"{count['in_progress']} in progress."
    )


TODO = Tool(
    name=TODO_NAME,
    description="Write your plan, which the user watches; each call replaces all of it.",
    arguments=Todo,
    touches=lambda _: Touches(),
    run=todo,
)
