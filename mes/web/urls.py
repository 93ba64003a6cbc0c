"""Every page. Names live in the app namespace `web`; `login` exists outside of it too, for Django's settings."""

from __future__ import annotations

from django.urls import include, path

from mes.web import urls_quality
from mes.web.views import (
    acceptance,
    auth,
    correct,
    formation,
    judge,
    line,
    lots,
    receiving,
    records,
    release,
    report,
    shelf_life,
    station,
    trace,
    upload,
    zones,
)

pages = [
    path("login/", auth.Login.as_view(), name="login"),
    path("logout/", auth.Logout.as_view(), name="logout"),
    path("site/", auth.switch_site, name="switch_site"),
    path("", line.overview, name="line"),
    path("line/board/", line.board_fragment, name="line_board"),
    path("station/", station.scan, name="station"),
    path("station/terminal/", station.terminal, name="station_terminal"),
    path("station/<str:code>/", station.card, name="station_lot"),
    path("station/<str:code>/start/", station.start, name="station_start"),
    path("station/<str:code>/report/", report.report, name="station_report"),
    path("station/<str:code>/record/", station.record, name="station_record"),
    path("station/<str:code>/judge/", judge.judge, name="station_judge"),
    path("station/<str:code>/finish/", station.finish, name="station_finish"),
    path("station/<str:code>/container/", station.container, name="station_container"),
    path("lots/", lots.index, name="lots"),
    path("lots/<str:code>/", lots.detail, name="lot"),
    path("lots/<str:code>/genealogy.json", lots.genealogy, name="lot_genealogy"),
    path("lots/<str:code>/audit.zip", lots.audit, name="lot_audit"),
    path("lots/<str:code>/trace/", trace.trace, name="lot_trace"),
    path("lots/<str:code>/release/", release.release, name="lot_release"),
    path("certificates/<int:key>.pdf", release.certificate, name="certificate"),
    path("lots/<str:code>/acceptance/", acceptance.acceptance, name="lot_acceptance"),
    path("lots/<str:code>/label.svg", lots.label, name="lot_label"),
    path("lots/<str:code>/formation/", formation.formation, name="lot_formation"),
    path("lots/<str:code>/formation.json", formation.formation_data, name="lot_formation_data"),
    path("lots/<str:code>/thickness/", records.thickness, name="lot_thickness"),
    path("lots/<str:code>/thickness.json", records.thickness_data, name="lot_thickness_data"),
    path("lots/<str:code>/drying/", records.drying, name="lot_drying"),
    path("lots/<str:code>/drying.json", records.drying_data, name="lot_drying_data"),
    path("lots/<str:code>/vacuum/", records.vacuum, name="lot_vacuum"),
    path("lots/<str:code>/vacuum.json", records.vacuum_data, name="lot_vacuum_data"),
    path("lots/<str:code>/dose/", records.dose, name="lot_dose"),
    path("lots/<str:code>/dose.json", records.dose_data, name="lot_dose_data"),
    path("lots/<str:code>/hold/", lots.hold, name="lot_hold"),
    path("measurements/<uuid:submission>/<int:sequence>/", correct.correct, name="correct"),
    path("receiving/", receiving.receiving, name="receiving"),
    path("receiving/<str:material>/", receiving.delivery, name="delivery"),
    path("receiving/<str:material>/rule/", receiving.rule, name="receiving_rule"),
    path("lots/<str:code>/shelf-life/", shelf_life.shelf_life, name="shelf_life"),
    path("lots/<str:code>/shelf-life/<int:key>/sign/", shelf_life.sign, name="shelf_life_sign"),
    path("lots/<str:code>/open/", receiving.opened, name="lot_opened"),
    path("dry-rooms/", zones.zones, name="zones"),
    path("dry-rooms/<int:key>/", zones.zone, name="zone"),
    path("upload/", upload.upload, name="upload"),
    *urls_quality.urlpatterns,
]

urlpatterns = [
    path("login/", auth.Login.as_view(), name="login"),
    path("", include((pages, "web"))),
]
