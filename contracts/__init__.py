"""The published language of Shouwang: what services say to each other, and nothing of how they work.

Rules of change
* A payload may gain an optional field within its version; consumers ignore fields they do not know.
* Anything else (a removed, renamed, narrowed or newly required field) is a new class `…V2` with type `….v2` and an
  upcast in `upcasts.py`; the old type stays published until its consumers have moved.
* Payloads carry ids, codes, times and areas. Names, numbers, addresses and narrative never.
* After a change run `make contracts`; the generated schemas, examples and AsyncAPI document are committed.
"""
