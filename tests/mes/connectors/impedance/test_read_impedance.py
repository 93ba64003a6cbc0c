from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from lots.science.impedance.fit import randles_ohm
from lots.science.impedance.spectrum import high_frequency_intercept
from mes.connectors.files import UnreadableFile
from mes.connectors.impedance.read import ImpedanceFile, read_impedance_file
from mes.connectors.impedance.report import document
from tests.support.reference_files import reference

FREQUENCY = np.logspace(4, -1, 30)
Z = randles_ohm(FREQUENCY, 1.0, 2.0, 1e-3, 0.9, 0.1)


def rows(template: str, sign: float = 1.0) -> str:
    return "".join(
        template.format(f=f, re=z.real, im=sign * z.imag) + "\n" for f, z in zip(FREQUENCY, Z, strict=True)
    )


FILES = {
    "ZPlot z": "ZPLOT2 ASCII\n  Date: 1\nEnd Header\nFreq(Hz) Ampl\nEnd Comments\n"
    + rows("{f:.6E}\t1.0E-02\t0.0\t2.6\t{re:.6E}\t{im:.6E}\t0.0\t0\t4"),
    "Gamry DTA": "EXPLAIN\nTAG\tEISPOT\nZCURVE\tTABLE\n\tPt\tTime\tFreq\tZreal\tZimag\n\t#\ts\tHz\tohm\tohm\n"
    + rows("\t0\t1\t{f:.6E}\t{re:.6E}\t{im:.6E}"),
    "BioLogic mpt": "EC-Lab ASCII FILE\nNb header lines : 3\n\nfreq/Hz\tRe(Z)/Ohm\t-Im(Z)/Ohm\t|Z|/Ohm\n"
    + rows("{f:.6E}\t{re:.6E}\t{im:.6E}\t1.0", -1.0),
    "csv": "Frequency (Hz),Z' (Ohm),-Z'' (Ohm)\n" + rows("{f:.6E},{re:.6E},{im:.6E}", -1.0),
    "csv without header": rows("{f:.6E},{re:.6E},{im:.6E}"),
}


def read(folder: Path, text: str) -> ImpedanceFile:
    path = folder / "spectrum.dat"
    path.write_bytes(text.encode("latin-1"))
    return read_impedance_file(path)


@pytest.mark.parametrize("name", FILES)
def test_every_format_gives_the_same_spectrum(tmp_path: Path, name: str) -> None:
    file = read(tmp_path, FILES[name])
    assert file.format == name
    (sweep,) = file.sweeps
    assert np.allclose(sweep.frequency_hz, FREQUENCY, rtol=1e-5)
    assert np.allclose(sweep.z_ohm, Z, rtol=1e-5)


def test_several_sweeps_of_one_file_are_told_apart(tmp_path: Path) -> None:
    text = FILES["csv without header"]
    file = read(tmp_path, text * 4 + text[:200])
    assert len(file.sweeps) == 4
    assert "at least 8" in file.skipped[0]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("just words\n", "no impedance file that is known"),
        ("1,2,3\n", "no spectrum"),
        (FILES["csv"][:-15], "cut off"),
        (FILES["csv"].splitlines()[0], "no points"),
        ("\n".join("-" + row for row in FILES["csv without header"].split()), "above zero"),
        ("\0\1\2", "binary"),
        ("\n".join(f"{f},1,-1" for f in range(2_001, 0, -1)), "rows 1 to 2001 are one sweep"),
        ("3,1,-1\n" * 205_001, "more than 200,000 points"),
        ("\n".join(f"1e-{n},1,-1" for n in range(20)), "check the column and its unit"),
    ],
)
def test_file_without_a_spectrum_is_refused_with_its_reason(tmp_path: Path, text: str, words: str) -> None:
    with pytest.raises(UnreadableFile, match=words):
        read(tmp_path, text)


def test_dummy_circuit_has_the_values_of_its_parts() -> None:
    # impedance_py/Circuit1_EIS_1.z: a resistor in series with a resistor and a capacitor in parallel.
    (sweep,) = document(read_impedance_file(reference("impedance_py/Circuit1_EIS_1.z")))["sweeps"]
    assert sweep["validity"]["valid"]
    assert sweep["hf_intercept"]["reached"]
    assert sweep["hf_intercept"]["resistance_ohm"] == pytest.approx(29.08, abs=0.01)
    assert sweep["fit"]["accepted"]
    assert sweep["fit"]["parameters"]["rct_ohm"]["value"] == pytest.approx(46.6, rel=0.01)
    assert sweep["fit"]["capacitance_f"] == pytest.approx(1.04e-5, rel=0.02)


def test_spectra_that_begin_below_the_intercept_say_so() -> None:
    # True of two of the four spectra of the reference folder, among them the BioLogic one.
    names = ("Circuit1_EIS_1.z", "exampleData.csv", "exampleDataBioLogic.mpt", "exampleDataZPlot.z")
    reached = []
    for name in names:
        (sweep,) = read_impedance_file(reference(f"impedance_py/{name}")).sweeps
        reached.append(high_frequency_intercept(sweep).reached)
    assert reached == [True, True, False, False]
