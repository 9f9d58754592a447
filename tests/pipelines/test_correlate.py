"""`podium correlate` as it is called: what it prints, its exit code, and a million rows."""

import json
import subprocess
import sys

import numpy as np
import pytest

from common.errors import UsageError
from pipelines.correlate import correlate_command


def write(path, values, columns=("p",)):
    values = np.asarray(values).reshape(len(values), -1)
    lines = [",".join(["id", *columns]), *(f"{i}," + ",".join(map(str, row)) for i, row in enumerate(values))]
    path.write_text("\n".join(lines) + "\n")
    return path


@pytest.fixture
def files(tmp_path):
    p = np.random.default_rng(0).random(100)
    return write(tmp_path / "good.csv", p), write(tmp_path / "shifted.csv", np.roll(p, 2))


def test_json_has_the_number_the_verdict_the_code_and_the_evidence(files, capsys):
    good, shifted = files
    assert correlate_command(good, good, 0.9, as_json=True) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["correlation"] == pytest.approx(1) and found["ok"] is True and found["diagnosis"] == "ok"
    assert correlate_command(shifted, good, 0.9, as_json=True) == 1
    found = json.loads(capsys.readouterr().out, parse_constant=pytest.fail)
    assert found["ok"] is False and found["diagnosis"] == "rows_shifted"
    assert "2 rows" in found["explanation"] and set(found["per_column"]["p"]) == {"pearson", "spearman"}


def test_the_table_shows_each_column_and_the_verdict(tmp_path, capsys):
    values = np.random.default_rng(0).random((100, 30))
    columns = [f"class_{j}" for j in range(30)]
    good = write(tmp_path / "good.csv", values, columns)
    bad = write(tmp_path / "bad.csv", np.roll(values, 1, axis=1), columns)
    assert correlate_command(bad, good, 0.9, as_json=False) == 1
    shown = capsys.readouterr().out
    assert "spearman" in shown and "over all" in shown and "10 more" in shown
    assert "classes_permuted: " in shown and "each by 1 place" in shown


def test_the_minimum_decides_the_exit_code(tmp_path):
    rng = np.random.default_rng(0)
    p = rng.random(500)
    good, near = write(tmp_path / "good.csv", p), write(tmp_path / "near.csv", p + rng.normal(0, 0.1, 500))
    assert correlate_command(near, good, 0.9, as_json=True) == 0
    assert correlate_command(near, good, 0.99, as_json=True) == 1


def test_a_missing_file_is_an_error_and_no_verdict(tmp_path, files):
    with pytest.raises(UsageError, match="no such file"):
        correlate_command(tmp_path / "nowhere.csv", files[0], 0.9, as_json=True)


def test_a_million_rows_and_no_heavy_imports(tmp_path):
    rng = np.random.default_rng(0)
    values, order = rng.random(1_000_000), rng.permutation(1_000_000)
    for name, rows in (("good", np.arange(1_000_000)), ("shuffled", order)):
        lines = "\n".join(f"{row},{value:.6f}" for row, value in zip(rows, values[rows], strict=True))
        (tmp_path / f"{name}.csv").write_text(f"id,p\n{lines}\n")
    code = (
        "import sys; from pathlib import Path; from pipelines.correlate import correlate_command as run; "
        "code = run(Path(sys.argv[1]), Path(sys.argv[2]), 0.9, False); "
        "heavy = {'torch', 'sklearn', 'pandas'} & set(sys.modules); "
        "sys.exit(f'{code} {heavy}' if code or heavy else 0)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path / "shuffled.csv"), str(tmp_path / "good.csv")],
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
