"""Impedance spectra: features, validity and a staged fit. Ω, Hz; Z = Z' + jZ'', so that a capacitor has Z'' < 0."""
