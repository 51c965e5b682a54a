"""Configs are checked here, and what is said of a wrong one: every problem at once.

Each with its place and what was expected.
"""

from __future__ import annotations

from typing import Any, TypeVar

import yaml
from pydantic import BaseModel, ValidationError

from tlsfind.errors import ConfigError

Root = TypeVar("Root", bound=BaseModel)


def sections(content: Any, source: str) -> dict:
    """The content of a config file, if it is a mapping.

    Raises:
        ConfigError: it is anything else.
    """
    if not isinstance(content, dict):
        raise ConfigError(
            f"{source}: expected a mapping of sections, found {type(content).__name__}"
        )
    return content


def validated(root: type[Root], content: dict, source: str) -> Root:
    """The config that a mapping of sections describes.

    Args:
        root: the model of the whole config.
        content: the sections.
        source: the file, or what else they came from.

    Raises:
        ConfigError: listing every wrong or missing key.
    """
    try:
        return root.model_validate(content)
    except ValidationError as error:
        raise ConfigError(describe(error, root, source)) from None


def describe(error: ValidationError, root: type[BaseModel], source: str) -> str:
    """One message that lists every problem of a config, with the keys expected beside unknown ones.

    Args:
        error: what pydantic found.
        root: the model of the whole config.
        source: the file, or what else it came from.
    """
    lines = [f"{source}: {error.error_count()} problem(s) in the config"]
    for problem in error.errors():
        where = ".".join(str(part) for part in problem["loc"]) or "(top level)"
        if problem["type"] == "extra_forbidden":
            text = "unknown key" + _expected_keys(root, problem["loc"])
        elif problem["type"] == "missing":
            text = "required key is missing"
        else:
            text = f"{problem['msg']}, found {problem['input']!r:.80}"
            if problem["type"] == "value_error":
                text = problem["msg"].removeprefix("Value error, ")
        lines.append(f"  {where}: {text}")
    return "\n".join(lines)


def _expected_keys(root: type[BaseModel], location: tuple[int | str, ...]) -> str:
    model: Any = root
    for part in location[:-1]:
        if isinstance(part, int):
            continue
        annotation = model.model_fields[part].annotation if part in model.model_fields else None
        arguments = getattr(annotation, "__args__", ())
        candidates = [annotation, *arguments]
        found = [c for c in candidates if isinstance(c, type) and issubclass(c, BaseModel)]
        if not found:
            return ""
        model = found[-1]
    return f", expected one of {', '.join(sorted(model.model_fields))}"


class UniqueKeys(yaml.SafeLoader):
    """Reads YAML and refuses a key that stands twice, of which YAML would drop the first."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict:
        """A mapping, its keys checked."""
        seen = set()
        for key_node, _ in node.value:
            key = self.construct_object(key_node, deep=True)
            if key in seen:
                raise yaml.constructor.ConstructorError(
                    None, None, f"the key {key!r} stands twice", key_node.start_mark
                )
            seen.add(key)
        return super().construct_mapping(node, deep=deep)
