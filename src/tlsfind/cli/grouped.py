"""Plain help texts that list the commands by panel.

Without rich, which takes longer to import than all the rest of a command.
"""

from __future__ import annotations

import shutil
from typing import Any

from typer.core import TyperGroup


class Grouped(TyperGroup):
    """A group of commands whose help has one section for each panel (``rich_help_panel``)."""

    def format_commands(self, ctx: Any, formatter: Any) -> None:
        """Write the sections, in the order in which their first commands were registered."""
        panels: dict[str, list[tuple[str, Any]]] = {}
        for name in self.list_commands(ctx):
            command = self.get_command(ctx, name)
            if command is not None and not command.hidden:
                panel = getattr(command, "rich_help_panel", None)
                title = panel if isinstance(panel, str) else "Commands"
                panels.setdefault(title, []).append((name, command))
        formatter.width = max(formatter.width, min(100, shutil.get_terminal_size().columns - 2))
        widest = max((len(name) for rows in panels.values() for name, _ in rows), default=0)
        limit = formatter.width - 6 - widest
        for title, commands in panels.items():
            with formatter.section(title):
                formatter.write_dl(
                    [
                        (name.ljust(widest), each.get_short_help_str(limit))
                        for name, each in commands
                    ]
                )
