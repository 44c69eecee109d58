"""Writes the Parquet files of this folder with pyarrow: `python make.py FOLDER`.

`spark.parquet` has what Spark writes: INT96 timestamps, decimals of every physical form, dictionary pages, Snappy.
The other files have the same rows in the other forms and compressions that are read.
"""

import sys
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

ROWS = {
    "dispute_id": (pa.string(), ["D-1", "D-2", "D-3", "D-4"]),
    "program": (pa.dictionary(pa.int32(), pa.string()), ["mdrp", "mdrp", "340b", "mdrp"]),
    "manufacturer": (pa.string(), ["Example Pharma A"] * 4),
    "ndc": (pa.string(), ["12345067890"] * 4),
    "units_disputed": (pa.decimal128(9, 3), [Decimal("12.500"), None, Decimal("-0.001"), Decimal("999999.999")]),
    "units_invoiced": (pa.int64(), [100, None, -7, 9007199254740993]),
    "amount_disputed": (
        pa.decimal128(28, 10),
        [Decimal("1234.5600000000"), None, Decimal("-5"), Decimal("999999999999999999.0123456789")],
    ),
    "opened_at": (pa.timestamp("us"), [datetime(2026, 9, 30), None, datetime(1999, 12, 31, 23, 59, 59), None]),
    "due_at": (pa.date32(), [date(2026, 12, 31), None, date(1970, 1, 1), date(2099, 12, 31)]),
    "resolved_at": (pa.timestamp("us"), [None, None, None, datetime(9999, 12, 31)]),
    "note": (pa.string(), ["Größe", "", None, "two\nlines"]),
    "claim_lines": (pa.list_(pa.int32()), [[1, 2], None, [], [3]]),
}


def main(folder: Path) -> None:
    schema = pa.schema([(name, kind) for name, (kind, _) in ROWS.items()])
    table = pa.table([pa.array(values, kind) for kind, values in ROWS.values()], schema=schema)
    pq.write_table(
        table,
        folder / "spark.parquet",
        compression="snappy",
        use_deprecated_int96_timestamps=True,
        store_decimal_as_integer=False,
        row_group_size=3,
    )
    pq.write_table(
        table,
        folder / "zstd.parquet",
        compression="zstd",
        store_decimal_as_integer=True,
        data_page_version="2.0",
        coerce_timestamps="ms",
        use_dictionary=False,
    )
    pq.write_table(table, folder / "gzip.parquet", compression="gzip", version="1.0")
    pq.write_table(table, folder / "lz4.parquet", compression="lz4", row_group_size=1)
    pq.write_table(table, folder / "plain.parquet", compression="none")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
