from __future__ import annotations

from django.urls import path

from example_project.visions import accounts, views

urlpatterns = [
    path("", accounts.front, name="front"),
    path("sign-up/", accounts.sign_up, name="sign-up"),
    path("look-around/", accounts.look_around, name="look-around"),
    path("visions/", views.home, name="home"),
    path("visions/add/", views.add_vision, name="vision-add"),
    path("visions/<int:pk>/delete/", views.delete_vision, name="vision-delete"),
    path("visions/<int:pk>/kpis/add/", views.add_kpi, name="kpi-add"),
    path("kpis/<int:pk>/complete/", views.complete_kpi, name="kpi-complete"),
    path("kpis/<int:pk>/reopen/", views.reopen_kpi, name="kpi-reopen"),
    path("kpis/<int:pk>/delete/", views.delete_kpi, name="kpi-delete"),
]
