"""`manage.py spc FILE.csv`: every chart by name, and refusals that say what would be right."""

from __future__ import annotations

import json
from io import StringIO
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from django.core.management import CommandError, call_command

from spc.engine.analysis import KINDS, NEEDS_SIZE, NEEDS_STREAM, NEEDS_SUBGROUP, VECTORS, ChartKind
from spc.engine.tolerance import two_sided_factor

KEYS = {
    "chart",
    "center_line",
    "sigma_within",
    "sigma_overall",
    "n",
    "lcl",
    "ucl",
    "statistic",
    "signals",
    "capability",
}

COUNTS = {ChartKind.C, ChartKind.G}


def spc(*arguments: str) -> dict[str, Any]:
    out = StringIO()
    call_command("spc", *arguments, stdout=out)
    found: dict[str, Any] = json.loads(out.getvalue())
    return found


@pytest.fixture
def table(tmp_path: Path) -> Path:
    rng = np.random.default_rng(20260105)
    lines = ["batch,x,y,size,bad,lane"]
    for batch in range(30):
        for lane in range(4):
            x, y = rng.normal(10, 1), rng.normal(5, 1)
            lines.append(f"{batch},{x:.3f},{y:.3f},{180 + batch},{rng.poisson(9)},L{lane}")
    file = tmp_path / "readings.csv"
    file.write_text("\n".join(lines) + "\n")
    return file


@pytest.mark.parametrize("kind", list(KINDS))
def test_every_chart_answers_in_the_same_shape(table: Path, kind: ChartKind) -> None:
    options = ["--value", "x,y" if kind in VECTORS else "bad" if kind in NEEDS_SIZE | COUNTS else "x"]
    if kind in NEEDS_SIZE:
        options += ["--size", "size"]
    if kind in NEEDS_SUBGROUP:
        options += ["--subgroup", "batch"]
    if kind in NEEDS_STREAM:
        options += ["--stream", "lane"]
    if kind is ChartKind.ACCEPTANCE:
        options += ["--usl", "16"]
    found = spc(str(table), "--chart", kind.value, *options)
    assert found.keys() >= KEYS
    assert len(found["lcl"]) == len(found["ucl"]) == len(found["statistic"]) == found["n"]
    assert found["n"] == (30 if kind in NEEDS_SUBGROUP - {ChartKind.SHORT_RUN} else 120)
    assert all(0 <= signal["index"] < found["n"] and signal["rule"] for signal in found["signals"])


def test_a_known_chart_to_the_last_digit(tmp_path: Path) -> None:
    # NIST/SEMATECH e-Handbook 6.3.2.2, flow rates.
    file = tmp_path / "flow.csv"
    file.write_text(
        "flow\n" + "\n".join(["49.6", "47.6", "49.9", "51.3", "47.8", "51.2", "52.6", "52.4", "53.6", "52.1"])
    )
    found = spc(str(file), "--chart", "imr", "--lsl", "44", "--usl", "58", "--target", "51")
    assert found["center_line"] == pytest.approx(50.81)
    assert found["lcl"][0] == pytest.approx(45.817588319949465, rel=1e-12)
    assert found["dispersion"]["ucl"][0] == pytest.approx(6.133821048441931, rel=1e-12)
    assert found["capability"]["cpk"] == pytest.approx((50.81 - 44) / (3 * 1.6641372266835128), rel=1e-12)
    low, high = found["capability"]["ci"]["cpk"]
    assert low < found["capability"]["cpk"] < high


def test_limits_of_phase_1_judge_all_points(tmp_path: Path) -> None:
    file = tmp_path / "shift.csv"
    file.write_text("v\n" + "\n".join(f"{10 + 0.1 * ((i * 7) % 5)}" for i in range(20)) + "\n" + "15\n" * 9)
    found = spc(str(file), "--chart", "imr", "--phase1", "20", "--rules", "nelson")
    assert found["center_line"] == pytest.approx(10.2)
    beyond = [signal["index"] for signal in found["signals"] if signal["rule"] == "beyond_limits"]
    assert beyond == list(range(20, 29))
    run = next(signal for signal in found["signals"] if signal["rule"] == "run_one_side")
    assert run["index"] == 27 and run["members"] == list(range(19, 28))


def test_an_empty_cell_is_a_gap_and_not_bridged(tmp_path: Path) -> None:
    file = tmp_path / "gap.csv"
    file.write_text("v\n1\n2\n\n9\n8\n7\n".replace("\n\n", '\n""\n'))
    found = spc(str(file), "--chart", "imr")
    assert found["n"] == 6 and found["statistic"][2] is None
    assert found["dispersion"]["statistic"] == [None, 1.0, None, None, 1.0, 1.0]


def test_group_chart_names_the_lane_that_is_far_and_the_lane_that_always_leads(tmp_path: Path) -> None:
    rng = np.random.default_rng(7)
    rows = rng.normal(50, 1, (40, 3))
    rows[:, 2] += np.where(np.arange(40) < 30, 0.0, 1.0)
    rows[35, 0] = 60.0
    lines = [
        f"{metre},lane {lane},{value}" for metre, row in enumerate(rows) for lane, value in enumerate(row)
    ]
    del lines[3 * 20 + 1]  # lane 1 was not read at metre 20
    file = tmp_path / "lanes.csv"
    file.write_text("\n".join(["metre,lane,um", *lines]) + "\n")
    options = [
        "--chart",
        "group",
        "--value",
        "um",
        "--subgroup",
        "metre",
        "--stream",
        "lane",
        "--phase1",
        "30",
    ]
    found = spc(str(file), *options)
    kept = np.delete(rows[:30], 20, axis=0)
    apart = np.vstack([np.abs(np.diff(rows[:20], axis=0)), np.abs(np.diff(rows[21:30], axis=0))])
    sigma = float(apart.mean()) / 1.1283791670955126  # no range reaches over metre 20
    assert found["streams"] == ["lane 0", "lane 1", "lane 2"] and found["n"] == 40
    assert found["center_line"] == pytest.approx(float(kept.mean()), rel=1e-12)
    assert found["ucl"][0] == pytest.approx(float(kept.mean()) + 3 * sigma, rel=1e-12)
    assert found["dispersion"]["lcl"][0] == pytest.approx(float(kept.mean()) - 3 * sigma, rel=1e-12)
    assert found["statistic"][20] is None and found["statistic"][35] == 60.0
    assert {"index": 35, "rule": "beyond_limits", "members": [35]} in found["signals"]
    assert found["largest"][35] == "lane 0"
    assert found["dispersion"]["statistic"][0] == pytest.approx(rows[0].min())


def test_the_only_column_of_numbers_needs_no_name(tmp_path: Path) -> None:
    file = tmp_path / "one.csv"
    file.write_text("lot,width\nA,1.0\nB,1.2\nC,1.1\n")
    assert spc(str(file), "--chart", "imr")["center_line"] == pytest.approx(1.1)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--chart", "imr"], "--value: name the column"),
        (["--chart", "imr", "--value", "z"], "the file has batch, x, y, size, bad, lane"),
        (["--chart", "xbar-r", "--value", "x"], "--subgroup"),
        (["--chart", "p", "--value", "bad"], "--size"),
        (["--chart", "group", "--value", "x"], "name their column with --subgroup"),
        (["--chart", "group", "--value", "x", "--subgroup", "batch"], "name its column with --stream"),
        (
            ["--chart", "group", "--value", "x", "--subgroup", "batch", "--stream", "z"],
            "--stream 'z' is not a column; the file has",
        ),
        (
            ["--chart", "group", "--value", "x", "--subgroup", "batch", "--stream", "batch"],
            "a group chart needs two streams at least, and two times with all of them",
        ),
        (["--chart", "imr", "--value", "x", "--rules", "all"], "choose from beyond"),
        (["--chart", "imr", "--value", "x", "--phase1", "500"], "choose 1 to 120"),
        (["--chart", "imr", "--value", "x", "--phase1", "0"], "choose 1 to 120"),
        (["--chart", "t2", "--value", "x"], "two columns"),
        (["--chart", "imr", "--value", "x,y"], "one column"),
        (["--chart", "imr", "--value", "x", "--lsl", "9", "--usl", "2"], "not below"),
        (["--chart", "ewma", "--value", "x", "--weight", "7"], "lambda"),
    ],
)
def test_a_wrong_question_says_what_would_be_right(table: Path, options: list[str], words: str) -> None:
    with pytest.raises(CommandError, match=words):
        spc(str(table), *options)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("v\n1.5\n2,5\n", "line 3|not a CSV table"),
        ("v\n1.5\nabc\n", "line 3, column 'v': 'abc' is not a number"),
        ("", "not a CSV table"),
        ("v\n", "no readings"),
        ("v\n1\ninf\n", "infinite"),
        ("v\n1,5\n2,5\n3,5\n", "line 2 has more cells than the header line.*decimal point"),
        ("v;w\n1.5;1\n2.5;2\n", "semicolons: save it with commas"),
    ],
)
def test_a_wrong_file_is_refused_with_its_line(tmp_path: Path, content: str, words: str) -> None:
    file = tmp_path / "wrong.csv"
    file.write_text(content)
    with pytest.raises(CommandError, match=words):
        spc(str(file), "--chart", "imr", "--value", "v")


def test_what_is_wrong_with_the_only_column_is_told_though_nobody_named_it(tmp_path: Path) -> None:
    file = tmp_path / "wrong.csv"
    file.write_text("v\n1.5\nNaN\n2.5\n")
    with pytest.raises(CommandError, match=r"line 3, column 'v': 'NaN' is not a number.*leave a missing"):
        spc(str(file), "--chart", "imr")


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(CommandError, match=r"none\.csv cannot be read"):
        spc(str(tmp_path / "none.csv"), "--chart", "imr")


def test_tolerance_intervals_and_stability_of_the_readings(table: Path) -> None:
    asked = [str(table), "--chart", "imr", "--value", "x"]
    found = spc(*asked, "--coverage", "0.9", "--coverage-confidence", "0.95")
    normal, free = found["tolerance"]["normal"], found["tolerance"]["distribution_free"]
    assert normal["factor"] == pytest.approx(two_sided_factor(120, 0.9, 0.95))
    assert normal["lower"] < 9 < 11 < normal["upper"]
    assert free["factor"] is None
    assert 0.95 <= free["confidence"] < 1
    assert found["stability"]["verdict"] == "stable"
    wider = spc(*asked, "--coverage", "0.99")["tolerance"]
    assert "takes 473" in wider["distribution_free"]["missing"]
    assert spc(*asked)["tolerance"] is None
    with pytest.raises(CommandError, match="between 0 and 1"):
        spc(*asked, "--coverage", "1.5")


def test_rare_events_by_units_and_by_time(tmp_path: Path) -> None:
    file = tmp_path / "events.csv"
    # Montgomery, table 7.14: hours between failures of a valve.
    hours = [286, 948, 536, 124, 816, 729, 4, 143, 431, 8, 2837, 596, 81, 227, 603, 492, 1199, 1214, 2831, 96]
    file.write_text("hours\n" + "\n".join(map(str, hours)))
    found = spc(str(file), "--chart", "t", "--rules", "nelson")
    assert found["center_line"] == pytest.approx(5.3866, abs=0.01)
    assert found["signals"] == []
    assert found["times"]["lcl"] == 0 < found["times"]["center_line"] < found["times"]["ucl"]
    assert found["dispersion"]["statistic"][0] is None
    by_quantiles = spc(str(file), "--chart", "t", "--limits", "probability")
    assert by_quantiles["center_line"] == pytest.approx(710.05 * 0.693147, rel=1e-5)
    units = spc(str(file), "--chart", "g")
    assert units["ucl"][0] == pytest.approx(710.05 + 3 * (710.05 * 711.05) ** 0.5)
    file.write_text("parts\n" + "\n".join(["9", "12", "6", "9", "14", "4", "0", "0", "0"]))
    zeros = spc(str(file), "--chart", "g", "--phase1", "6")
    assert zeros["signals"] == [{"index": 8, "rule": "run_of_zeros", "members": [6, 7, 8]}]


def test_an_acceptance_chart_stands_on_the_specification(table: Path) -> None:
    asked = [str(table), "--chart", "acceptance", "--value", "x", "--subgroup", "batch"]
    found = spc(*asked, "--lsl", "4", "--usl", "16", "--target", "10")
    assert found["signals"] == []
    assert 4 < found["lcl"][0] < 8 < 12 < found["ucl"][0] < 16
    one_sided = spc(*asked, "--usl", "10")
    assert one_sided["lcl"][0] is None
    assert len(one_sided["signals"]) > 20
    with pytest.raises(CommandError, match="give --lsl, --usl"):
        spc(*asked)
    with pytest.raises(CommandError, match="too narrow"):
        spc(*asked, "--lsl", "9.5", "--usl", "10.5")


def test_a_cusum_may_start_ahead(table: Path) -> None:
    asked = [str(table), "--chart", "cusum", "--value", "x", "--target", "10"]
    plain, ahead = spc(*asked), spc(*asked, "--head-start", "2.5")
    first = plain["statistic"][0] + plain["statistic_lower"][0] + 0.5
    assert ahead["statistic"][0] != plain["statistic"][0] or first < 0
    with pytest.raises(CommandError, match="head start below h"):
        spc(*asked, "--head-start", "5")


def test_blank_line_of_a_single_column_is_a_missing_reading_that_no_moving_range_spans(
    tmp_path: Path,
) -> None:
    file = tmp_path / "one.csv"
    file.write_text("x\n10.0\n10.4\n\n12.0\n12.2\n\n\n")
    found = spc(str(file), "--chart", "imr", "--value", "x")
    assert found["statistic"] == [10.0, 10.4, None, 12.0, 12.2]
    assert found["sigma_within"] == pytest.approx((0.4 + 0.2) / 2 / 1.1283791670955126)
    file.write_text("x\n10.0\n\nfoo\n")
    with pytest.raises(CommandError, match="line 4, column 'x'"):
        spc(str(file), "--chart", "imr", "--value", "x")
