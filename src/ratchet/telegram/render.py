"""Rendering: an answer as pages of Telegram's HTML, to be read on a phone."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

from ratchet.control.answer import Answer, Table
from ratchet.telegram.markup import clean, columns, escape, pieces, shortened, units

TEXT_UNITS_MAX = 4_096  # of a message, Telegram's own limit
CAPTION_UNITS_MAX = 1_024
PAGE_UNITS_MAX = 3_500
PAGE_LINES_MAX = 45  # each has at most two entities, of which Telegram knows 100 in a message
LINE_UNITS_MAX = 1_000
TITLE_UNITS_MAX = 200
WIDTH_MAX = 34  # columns that stand side by side on a phone
GAP = "  "
NOTHING = "–"


@dataclass(frozen=True, slots=True)
class Line:
    """One line of a page. Those of a table stand in one block of letters of one width."""

    html: str
    units: int
    is_table: bool = False


@dataclass(frozen=True, slots=True)
class _Block:
    """Lines, with those that are repeated where they go on over the page."""

    lines: Sequence[Line]
    heading: Sequence[Line] = ()


def masked(answer: Answer, mask: Callable[[str], str]) -> Answer:
    """The same, with every text as `mask` lets it be shown."""
    table = answer.table
    return replace(
        answer,
        title=mask(answer.title),
        facts=tuple((mask(name), mask(value)) for name, value in answer.facts),
        table=table and replace(table, rows=tuple(tuple(mask(cell) for cell in row) for row in table.rows)),
        notes=tuple(mask(note) for note in answer.notes),
    )


def pages_of(answer: Answer) -> tuple[str, ...]:
    """Its pages, each a whole message of its own; at least one. The picture is not in them."""
    bodies = list(_paged(tuple(_blocks(answer))))
    title = _title(answer)
    if len(bodies) == 1:
        return (_page(title, bodies[0]),)
    return tuple(_page(f"{title} ({number}/{len(bodies)})", body) for number, body in enumerate(bodies, start=1))


def caption_of(answer: Answer) -> str:
    """What stands under its picture."""
    return _title(answer)


def text_of(text: str) -> str:
    """A few plain words as a message."""
    return escape(shortened(clean(text), PAGE_UNITS_MAX)) if text.strip() else NOTHING


def _title(answer: Answer) -> str:
    return f"<b>{escape(shortened(clean(answer.title).strip() or NOTHING, TITLE_UNITS_MAX))}</b>"


def _page(title: str, lines: Sequence[Line]) -> str:
    html, is_open = [title], False
    for line in lines:
        if line.is_table and not is_open:
            html.append(f"<pre>{line.html}")
        elif is_open and not line.is_table:
            html[-1] += "</pre>"
            html.append(line.html)
        else:
            html.append(line.html)
        is_open = line.is_table
    return "\n".join(html) + ("</pre>" if is_open else "")


def _blocks(answer: Answer) -> Iterator[_Block]:
    if answer.facts:
        yield _Block([line for name, value in answer.facts for line in _fact(name, value)])
    if answer.table is not None:
        yield from _table(answer.table)
    if notes := [line for note in answer.notes if note.strip() for line in _plain(note)]:
        yield _Block(notes)


def _fact(name: str, value: str) -> Iterator[Line]:
    label = f"{shortened(clean(name), TITLE_UNITS_MAX)}: "
    first, *rest = pieces(clean(value).strip() or NOTHING, LINE_UNITS_MAX)
    yield Line(f"{escape(label)}<b>{escape(first)}</b>", units(label) + units(first))
    yield from (Line(f"<b>{escape(one)}</b>", units(one)) for one in rest)


def _plain(text: str) -> Iterator[Line]:
    return (Line(escape(piece), units(piece)) for piece in pieces(clean(text), LINE_UNITS_MAX))


def _table(table: Table) -> Iterator[_Block]:
    rows = [tuple(clean(cell) for cell in row) for row in table.rows]
    headings = tuple(clean(heading) for heading in table.headings)
    if not rows:
        yield _Block([Line(NOTHING, 1)])
        return
    widths = [max(map(columns, cells)) for cells in zip(headings, *rows, strict=True)]
    if sum(widths) + len(GAP) * (len(widths) - 1) <= WIDTH_MAX:
        yield _Block(
            [_row(row, widths, table.numeric) for row in rows], heading=[_row(headings, widths, table.numeric)]
        )
    else:
        for row in rows:
            yield _Block([*_row_as_block(headings, row)])


def _row(cells: Sequence[str], widths: Sequence[int], numeric: frozenset[int]) -> Line:
    text = GAP.join(
        _aligned(cell, width, is_right=place in numeric)
        for place, (cell, width) in enumerate(zip(cells, widths, strict=True))
    ).rstrip()
    return Line(escape(text), units(text), is_table=True)


def _aligned(cell: str, width: int, *, is_right: bool) -> str:
    blanks = " " * (width - columns(cell))
    return blanks + cell if is_right else cell + blanks


def _row_as_block(headings: Sequence[str], row: Sequence[str]) -> Iterator[Line]:
    for piece in pieces(row[0] or NOTHING, LINE_UNITS_MAX):
        yield Line(f"<b>{escape(piece)}</b>", units(piece))
    rest = " · ".join(f"{heading} {cell}" for heading, cell in zip(headings[1:], row[1:], strict=True) if cell)
    if rest:
        yield from _plain(rest)


def _paged(blocks: Sequence[_Block]) -> Iterator[list[Line]]:
    """Fill pages. A block goes over to the next page where it does not fit, with its heading again."""
    page: list[Line] = []
    for block in blocks:
        wanted = [*block.heading, *block.lines[:1]]
        if page and not _fits(page, wanted):
            yield page
            page = []
        page += block.heading
        for line in block.lines:
            if not _fits(page, [line]):
                yield page
                page = [*block.heading]
            page.append(line)
    if page or not blocks:
        yield page


def _fits(page: Sequence[Line], more: Sequence[Line]) -> bool:
    length = sum(line.units + 1 for line in (*page, *more)) + TITLE_UNITS_MAX
    return length <= PAGE_UNITS_MAX and len(page) + len(more) <= PAGE_LINES_MAX
