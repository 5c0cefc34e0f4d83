"""The line format: whatever happens to the bytes, damage costs only the lines that it hit."""

from __future__ import annotations

import json

from hypothesis import given
from hypothesis import strategies as st

from lite_mlops.store.lines import START, Chain, encode, verify

texts = st.text(max_size=30)
numbers = st.floats() | st.integers(-(2**63), 2**63 - 1)
bodies = st.builds(
    lambda text, number: f',"k":"tags","text":{json.dumps(text)},"value":{json.dumps(number)}',
    texts,
    numbers,
)


def written(bodies: list[str], chain: Chain = START) -> tuple[list[bytes], Chain]:
    lines = []
    for position, body in enumerate(bodies):
        line, chain = encode(chain, 1_700_000_000_000_000 + position, body)
        lines.append(line)
    return lines, chain


@given(st.lists(bodies, max_size=12))
def test_what_is_written_is_proved_as_a_whole(bodies: list[str]) -> None:
    lines, chain = written(bodies)
    verified = verify(b"".join(lines), START)
    assert verified.good == b"".join(lines)
    assert verified.chain == chain
    assert not verified.damages


@given(st.lists(bodies, min_size=1, max_size=12), st.data())
def test_reading_in_pieces_is_reading_at_once(bodies: list[str], data: st.DataObject) -> None:
    lines, chain = written(bodies)
    cut = data.draw(st.integers(0, len(lines)))
    first = verify(b"".join(lines[:cut]), START)
    second = verify(b"".join(lines[cut:]), first.chain, cut + 1)
    assert first.good + second.good == b"".join(lines)
    assert second.chain == chain


@given(st.lists(bodies, min_size=1, max_size=12), st.data())
def test_a_changed_byte_costs_at_most_its_line(bodies: list[str], data: st.DataObject) -> None:
    lines, chain = written(bodies)
    whole = bytearray(b"".join(lines))
    place = data.draw(st.integers(0, len(whole) - 2))  # the last newline is what ends the chunk
    whole[place] ^= data.draw(st.integers(1, 255))
    hit = b"".join(lines)[:place].count(b"\n")

    verified = verify(bytes(whole), START)

    kept = verified.good.splitlines(keepends=True)
    assert [line for i, line in enumerate(lines) if i != hit] == [
        line for line in kept if line != lines[hit]
    ]
    assert verified.damages
    assert all(damage.line >= hit + 1 for damage in verified.damages)
    if hit < len(lines) - 1:
        assert verified.chain == chain


@given(st.lists(bodies, min_size=2, max_size=12), st.data())
def test_cut_out_bytes_cost_at_most_the_lines_they_touch(
    bodies: list[str], data: st.DataObject
) -> None:
    lines, _ = written(bodies)
    whole = b"".join(lines)
    start = data.draw(st.integers(0, len(whole) - 2))
    end = data.draw(st.integers(start + 1, len(whole) - 1))
    touched = range(whole[:start].count(b"\n"), whole[: end - 1].count(b"\n") + 1)

    verified = verify(whole[:start] + whole[end:], START)

    kept = set(verified.good.splitlines(keepends=True))
    assert {line for i, line in enumerate(lines) if i not in touched} <= kept <= set(lines)


@given(st.lists(bodies, min_size=1, max_size=6), st.binary(max_size=200))
def test_bytes_that_nobody_wrote_are_never_taken_for_lines(bodies: list[str], noise: bytes) -> None:
    lines, _ = written(bodies)
    verified = verify(lines[0] + noise + b"\n" + b"".join(lines[1:]), START)
    assert verified.good == b"".join(lines)


def test_damage_is_pinned_to_file_line_and_reason() -> None:
    lines, _ = written([f',"k":"note","text":"{i}"' for i in range(5)])
    lines[2] = lines[2].replace(b'"2"', b'"9"')
    (damage,) = verify(b"".join(lines), START, first_line=101).damages
    assert damage.line == 103
    assert damage.reason == "its checksum does not match"
    assert damage.raw == lines[2][:-1]


def test_missing_and_repeated_lines_are_told() -> None:
    lines, _ = written([f',"k":"note","text":"{i}"' for i in range(6)])
    verified = verify(b"".join([*lines[:2], *lines[4:], lines[4]]), START)
    assert verified.good == b"".join([*lines[:2], *lines[4:]])
    assert [damage.reason for damage in verified.damages] == [
        "2 lines before it are missing",
        "sequence number 4 comes twice",
    ]


def test_a_text_that_looks_like_a_line_is_not_one() -> None:
    inner, _ = encode(START, 1, ',"k":"note","text":"inner"')
    body = ',"k":"note","text":' + json.dumps(inner.decode())
    line, _ = encode(START, 2, body)
    broken = line.replace(b'"ts":2', b'"ts":3')
    verified = verify(broken, START)
    assert verified.good == b""
    assert len(verified.damages) == 1
