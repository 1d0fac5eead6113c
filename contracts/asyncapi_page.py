"""The AsyncAPI document as one page for people: no script, no outside asset, Chinese first."""

from collections.abc import Iterator, Mapping
from html import escape
from json import dumps
from typing import Any

Node = Mapping[str, Any]

_STYLE = """
:root{color-scheme:light dark;--line:#8884;--soft:#8881}
body{font:16px/1.6 system-ui,"Noto Sans CJK SC","Microsoft YaHei",sans-serif;max-width:70rem;margin:0 auto;padding:1rem}
h2{margin-top:3rem;border-bottom:2px solid var(--line)}h3{margin-top:2rem}
code,pre{font-family:ui-monospace,"Noto Sans Mono CJK SC",monospace;font-size:.9em}
pre{overflow:auto;background:var(--soft);padding:.75rem;border-radius:.4rem}
table{border-collapse:collapse;width:100%}td,th{border-bottom:1px solid var(--line);padding:.3rem .6rem;text-align:left;vertical-align:top}
.must{font-weight:600}details{margin:.5rem 0}summary{cursor:pointer}nav ul{columns:3 16rem}.wide{overflow-x:auto}
"""


def page(document: Node) -> str:
    """The whole page as HTML text."""
    info = document["info"]
    return "\n".join(
        [
            '<!doctype html>\n<html lang="zh-CN">\n<head>\n<meta charset="utf-8">',
            '<meta name="viewport" content="width=device-width, initial-scale=1">',
            f"<title>{escape(info['title'])}</title>\n<style>{_STYLE}</style>\n</head>\n<body>",
            f"<h1>{escape(info['title'])} {escape(info['version'])}</h1>",
            *(f"<p>{escape(line)}</p>" for line in info["description"].splitlines()),
            *_contents(document),
            *_headers(document),
            *(line for channel in document["channels"].values() for line in _channel(channel, document)),
            '<h2 id="schemas">共用结构 · Shared structures</h2>',
            *(line for name in _shared(document) for line in _structure(name, document["components"]["schemas"][name])),
            "</body>\n</html>\n",
        ]
    )


def _contents(document: Node) -> Iterator[str]:
    yield "<nav><h2>目录 · Contents</h2><ul>"
    for channel in document["channels"].values():
        yield f"<li><b><code>{escape(channel['address'])}</code></b><ul>"
        for name in channel["messages"]:
            yield f'<li><a href="#{escape(name)}"><code>{escape(name)}</code></a></li>'
        yield "</ul></li>"
    yield "</ul></nav>"


def _headers(document: Node) -> Iterator[str]:
    headers = document["components"]["messageTraits"]["cloudevent"]["headers"]
    yield '<h2 id="headers">消息头 · Message headers</h2>'
    yield from _table(headers)


def _channel(channel: Node, document: Node) -> Iterator[str]:
    settings = channel["bindings"]["kafka"]["topicConfiguration"]
    yield f'<h2 id="{escape(channel["address"])}"><code>{escape(channel["address"])}</code></h2>'
    yield f"<p>{escape(channel['description'])} 保留 · Kept: {settings['retention.ms'] // 86_400_000} d</p>"
    for name in channel["messages"]:
        yield from _message(name, document)


def _message(name: str, document: Node) -> Iterator[str]:
    message = document["components"]["messages"][name]
    schema = document["components"]["schemas"][message["title"]]
    receivers = sorted(_receivers(name, document))
    yield f'<h3 id="{escape(name)}"><code>{escape(name)}</code> {escape(message["title"])}</h3>'
    yield f"<p>{escape(message['description'])}</p>"
    yield f"<p>接收者 · Received by: {escape(', '.join(receivers)) or '（无 · nobody inside）'}</p>"
    yield from _table(schema)
    for example in message["examples"]:
        text = escape(dumps(example, ensure_ascii=False, indent=2))
        yield f"<details><summary>示例 · Example: {escape(example['name'])}</summary><pre>{text}</pre></details>"


def _receivers(name: str, document: Node) -> set[str]:
    return {
        key.partition("_receives_")[0]
        for key, operation in document["operations"].items()
        if operation["action"] == "receive" and any(ref["$ref"].endswith(f"/{name}") for ref in operation["messages"])
    }


def _shared(document: Node) -> list[str]:
    of_messages = {message["title"] for message in document["components"]["messages"].values()}
    return [name for name in document["components"]["schemas"] if name not in of_messages]


def _structure(name: str, schema: Node) -> Iterator[str]:
    yield f'<h3 id="schema-{escape(name)}">{escape(name)}</h3>'
    yield f"<p>{escape(schema.get('description', ''))}</p>"
    yield from _table(schema)


def _table(schema: Node) -> Iterator[str]:
    required = set(schema.get("required", ()))
    yield '<div class="wide"><table><thead><tr>'
    yield "<th>字段 · Field</th><th>类型 · Type</th><th>必填 · Required</th><th></th></tr></thead><tbody>"
    for name, field in schema.get("properties", {}).items():
        must = "是 · yes" if name in required else ""
        yield (
            f'<tr><td class="{"must" if must else ""}"><code>{escape(name)}</code></td><td>{type_text(field)}</td>'
            f"<td>{must}</td><td>{escape(field.get('description', ''))}</td></tr>"
        )
    yield "</tbody></table></div>"


def type_text(field: Node) -> str:
    """A field's type in one line of HTML."""
    if "$ref" in field:
        name = escape(field["$ref"].rpartition("/")[2])
        return f'<a href="#schema-{name}">{name}</a>'
    if "anyOf" in field:
        return " | ".join(type_text(alternative) for alternative in field["anyOf"])
    if "enum" in field:
        return " | ".join(f"<code>{escape(str(value))}</code>" for value in field["enum"])
    if "const" in field:
        return f"<code>{escape(str(field['const']))}</code>"
    if field.get("type") == "array":
        items = field.get("items", {})
        if isinstance(items, list):
            return f"[{', '.join(type_text(item) for item in items)}]"
        return f"[{type_text(items)}]"
    if isinstance(field.get("additionalProperties"), Mapping):
        return "{" + f"… : {type_text(field['additionalProperties'])}" + "}"
    return escape(str(field.get("format") or field.get("type", "any")))
