"""Exported readings as Parquet: typed columns, units in the schema's metadata, row groups of some megabytes."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import islice
from typing import Any, BinaryIO, Final

from ingest.exporting.columns import COLUMNS, Column, Holds

# Large enough to compress well, small enough to hold: about 5 MB of rows.
_GROUP_ROWS: Final = 20_000


def write(rows: Iterable[tuple[Any, ...]], file: BinaryIO) -> int:
    """Write the rows, one group after the other; return how many there were.

    Raises:
        OSError: whoever takes the bytes takes no more.
    """
    # Loaded here: nothing else needs it, and it is large.
    import pyarrow as pa
    from pyarrow import parquet

    schema = pa.schema(
        [
            pa.field(
                column.name,
                _type(column),
                metadata={"unit": column.unit} if column.unit else None,
            )
            for column in COLUMNS
        ],
        metadata={"source": "homevitals ingest export", "units": "UCUM"},
    )
    count = 0
    left = iter(rows)
    with parquet.ParquetWriter(pa.PythonFile(file, mode="w"), schema, compression="zstd") as writer:
        while group := list(islice(left, _GROUP_ROWS)):
            parts = [
                pa.array([_part(row[place], column) for row in group], type=_type(column))
                for place, column in enumerate(COLUMNS)
            ]
            writer.write_table(pa.Table.from_arrays(parts, schema=schema))
            count += len(group)
    return count


def _type(column: Column) -> Any:
    import pyarrow as pa

    return {
        Holds.TEXT: pa.string(),
        Holds.WORDS: pa.list_(pa.string()),
        Holds.NUMBER: pa.float64(),
        Holds.COUNT: pa.int32(),
        Holds.INSTANT: pa.timestamp("us", tz="UTC"),
        Holds.DAY: pa.date32(),
    }[column.holds]


def _part(part: Any, column: Column) -> Any:
    return str(part) if column.holds is Holds.TEXT and part is not None else part
