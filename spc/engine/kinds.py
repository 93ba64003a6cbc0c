"""Every kind of control chart, by the name that commands, control plans and the interface use."""

from __future__ import annotations

from enum import StrEnum


class ChartKind(StrEnum):
    """What can be asked for by name."""

    IMR = "imr"
    XBAR_R = "xbar-r"
    XBAR_S = "xbar-s"
    MEDIAN_R = "median-r"
    P = "p"
    NP = "np"
    C = "c"
    U = "u"
    LANEY_P = "laney-p"
    LANEY_U = "laney-u"
    EWMA = "ewma"
    CUSUM = "cusum"
    T2 = "t2"
    MEWMA = "mewma"
    THREE_WAY = "three-way"
    SHORT_RUN = "short-run"
    TREND = "trend"
    RESIDUAL = "residual"
    MOVING_CENTER = "moving-center"
    G = "g"
    T = "t"
    ACCEPTANCE = "acceptance"
    GROUP = "group"
