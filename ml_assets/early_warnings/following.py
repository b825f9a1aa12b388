"""What came after an alert, and what came before an event.

Belongs here: the two joins that every judgement of a warning rests on. Not here: what they are counted for.
"""

from __future__ import annotations

import pandas as pd


def days_to_event(alerts: pd.DataFrame, events: pd.DataFrame, by: list[str], horizon: int) -> pd.Series:
    """Days from each alert (`by`, date) to the next event (`by`, event_date); null without one.

    An event on the alert's day counts, 0 days after it, and one `horizon` days after it does not.
    """
    joined = pd.merge_asof(
        _dated(alerts[[*by, "date"]], "date").reset_index(names="place").sort_values("date", kind="stable"),
        _dated(events[[*by, "event_date"]], "event_date").sort_values("event_date"),
        left_on="date",
        right_on="event_date",
        by=by,
        direction="forward",
        tolerance=pd.Timedelta(days=horizon - 1),
    ).sort_values("place")
    return (joined["event_date"] - joined["date"]).dt.days.astype("float64").set_axis(alerts.index)


def days_warned(events: pd.DataFrame, alerts: pd.DataFrame, by: list[str], horizon: int) -> pd.Series:
    """Days from the first alert that counts for each event, as `days_to_event`, to the event; null without one."""
    opens_date = events["event_date"] - pd.Timedelta(days=horizon - 1)
    opens = _dated(events[[*by, "event_date"]].assign(opens_date=opens_date), "opens_date")
    joined = pd.merge_asof(
        opens.reset_index(names="place").sort_values("opens_date", kind="stable"),
        _dated(alerts[[*by, "date"]], "date").sort_values("date"),
        left_on="opens_date",
        right_on="date",
        by=by,
        direction="forward",
    ).sort_values("place")
    lead = (joined["event_date"] - joined["date"]).dt.days.astype("float64")
    return lead.where(lead >= 0).set_axis(events.index)


def _dated(rows: pd.DataFrame, name: str) -> pd.DataFrame:
    # Both sides of the join need the same resolution of time.
    return rows.reset_index(drop=True).astype({name: "datetime64[s]"})
