"""The command line `tlu`: words in, one clear answer out.

Belongs here: commands, exit codes and what people read on the terminal. Not here: the work itself.
Exit codes: 0 done; 1 failed; 2 wrong usage; 3 refused by a gate, nothing published.
"""

from __future__ import annotations

import datetime as dt
import json
import logging
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any
from uuid import UUID

import psycopg
import typer
from rich.console import Console
from rich.table import Table

from local_supabase import schema, server
from orchestration.analysis_tables import ANALYSED, backtest_tables, student_tables
from orchestration.cutoff import SEOUL, Cutoff, CutoffError
from orchestration.settings import Settings, SettingsError, load_settings

FAILED, WRONG_USAGE, REFUSED = 1, 2, 3
UI_HOST, UI_PORT = "127.0.0.1", 3000

app = typer.Typer(no_args_is_help=True, pretty_exceptions_enable=False, add_completion=False)
load = typer.Typer(no_args_is_help=True, help="Fill the raw tables of the local stand-in, replacing what is there.")
app.add_typer(load, name="load")

out = Console(highlight=False)
err = Console(stderr=True, highlight=False)


class LoadRefused(Exception):
    """A load was asked for on a database that is not the local stand-in."""


@app.callback()
def options(
    debug: Annotated[bool, typer.Option("--debug", help="Show the traceback of an error.")] = False,
) -> None:
    """Analytics of TimeLevelUp: precomputed recommendations in the app's own database."""
    if not debug:
        sys.excepthook = _print_unexpected
    # What the local database and the loaders have to say: which account runs Postgres, how many rows were left out.
    handler = logging.StreamHandler()
    handler.setFormatter(logging.Formatter("%(message)s"))
    logger = logging.getLogger("local_supabase")
    logger.addHandler(handler)
    logger.setLevel(logging.INFO)


@app.command()
def up() -> None:
    """Start the local database and lay the app's tables in it, those that are missing."""
    local = server.start(_stand_in_settings("up").home)
    schema.install(local.url)
    out.print(f"Local database on 127.0.0.1:{local.port}; `tlu url` prints how to connect.")


@app.command()
def down(delete: Annotated[bool, typer.Option("--delete", help="Delete its data as well.")] = False) -> None:
    """Stop the local database."""
    if delete:
        server.remove(load_settings().home)
    else:
        server.stop(load_settings().home)
    out.print("Local database deleted." if delete else "Local database stopped.")


@app.command()
def url() -> None:
    """Print the connection string of the local database, for psql."""
    typer.echo(server.url(load_settings().home))


@app.command()
def migrate(
    app_views: Annotated[bool, typer.Option("--app-views", help="Also views under names that the app reads.")] = False,
) -> None:
    """Apply every migration of supabase/migrations again; each is made so that this changes nothing twice."""
    from orchestration.database import database_url
    from orchestration.publishing.migrations import OPTIONAL
    from orchestration.publishing.migrations import migrate as apply

    target = database_url(load_settings())
    applied = apply(target, again=True)
    if app_views:
        applied += apply(target, again=True, folder=OPTIONAL)
    out.print(f"{len(applied)} migrations applied: {', '.join(applied)}")


@load.command("sample")
def load_sample(
    students: Annotated[int, typer.Option(min=1, help="How many students.")] = 2000,
    seed: Annotated[int, typer.Option(help="Same seed, same rows.")] = 7,
    if_needed: Annotated[
        bool, typer.Option("--if-needed", help="Only when the local stand-in is in use and holds no students.")
    ] = False,
) -> None:
    """Generate a realistic app: academies, students, contents, plans, sessions, scores."""
    from local_supabase import sample

    if if_needed and load_settings().database_url:
        out.print("SUPABASE_DB_URL names a database: no sample is loaded.")
        return
    target = _stand_in_url("load sample")
    if if_needed and _has_students(target):
        return
    today = Cutoff.today(dt.datetime.now(dt.UTC)).date
    with err.status(f"generating {students:,} students …"):
        started = dt.datetime.now(dt.UTC)
        counts = sample.load(target, students=students, seed=seed, today=today)
    # The backtest asks how much of what the students are made of was recovered.
    load_settings().sample_file.write_text(json.dumps({"students": students, "seed": seed}) + "\n", "utf-8")
    _print_load("sample", counts, started)


@load.command("oulad")
def load_oulad(
    folder: Annotated[Path, typer.Argument(help="Folder with the Parquet files of OULAD.")],
    until: Annotated[str, typer.Option(help="Only what was known at 00:00 in Seoul of this day (YYYY-MM-DD).")] = "",
) -> None:
    """Load real learners: the Open University Learning Analytics Dataset, mapped onto the app's tables."""
    from local_supabase import oulad

    limit = Cutoff.parse(until).date if until else None
    target = _stand_in_url("load oulad")
    with err.status(f"loading {folder} …"):
        started = dt.datetime.now(dt.UTC)
        load_settings().sample_file.unlink(missing_ok=True)
        counts = oulad.load(target, folder, until=limit)
    _print_load("OULAD", counts, started)


@app.command()
def run(
    as_of: Annotated[str, typer.Option(help="Cut-off: 00:00 in Seoul of this day (YYYY-MM-DD). Default: today.")] = "",
) -> None:
    """Run the whole job: features, model, gate, publication, marts."""
    from orchestration.database import database_url, described
    from orchestration.publishing.migrations import migrate as apply
    from orchestration.run import run_refresh

    chosen = load_settings()
    cutoff = Cutoff.parse(as_of) if as_of else Cutoff.today(dt.datetime.now(dt.UTC))
    target = database_url(chosen)
    err.print(f"Database {described(target)}, as of {cutoff.date} 00:00 KST")
    applied = apply(target)
    if applied:
        err.print(f"  [green]✔[/] migrations applied: {', '.join(applied)}")
    report = run_refresh(chosen, cutoff.date.isoformat())
    _print_summary(chosen, target, report.step_seconds)


@app.command()
def backtest(
    as_of: Annotated[list[str], typer.Option(help="Cut-off (YYYY-MM-DD); may be given several times.")],
    json_file: Annotated[Path | None, typer.Option("--json", help="Write the figures into this file.")] = None,
) -> None:
    """Measure accuracy at earlier cut-offs against what happened next, beside the baselines."""
    from orchestration.backtest import backtest as measure
    from orchestration.database import database_url

    cutoffs = [Cutoff.parse(text) for text in as_of]
    chosen = load_settings()
    with err.status("backtest …"):
        results = measure(chosen, database_url(chosen), cutoffs)
    if json_file:
        json_file.write_text(json.dumps({"cutoffs": results}, indent=2, ensure_ascii=False) + "\n", "utf-8")
    _print_backtest(results)


@app.command()
def model_card(
    measured: Annotated[list[Path], typer.Argument(help="What `tlu backtest --json` wrote; named after its data.")],
    fairness: Annotated[Path | None, typer.Option(help="What `benchmarks.outlook fairness` printed.")] = None,
) -> None:
    """Write docs/model_cards/recommender.md, score_predictor.md and outlook.md from backtests."""
    from orchestration.model_cards import outlook, recommender, score_predictor
    from orchestration.model_cards.measured import has_block, read_measured
    from orchestration.settings import REPOSITORY

    found = read_measured(measured)
    by_group = outlook.read_fairness(fairness) if fairness else None
    folder = REPOSITORY / "docs" / "model_cards"
    folder.mkdir(parents=True, exist_ok=True)
    for name, block, written in (
        ("recommender", recommender.BLOCK, recommender.recommender_card),
        ("score_predictor", score_predictor.BLOCK, score_predictor.score_predictor_card),
        ("outlook", outlook.BLOCK, lambda cutoffs: outlook.outlook_card(cutoffs, by_group)),
    ):
        card = folder / f"{name}.md"
        if has_block(found, block):
            card.write_text(written(found), "utf-8")
            out.print(str(card), soft_wrap=True)
        else:
            out.print(f"{card} stays as it is: no file has figures of {block}.", soft_wrap=True)


@app.command()
def publish(
    run_id: Annotated[str, typer.Argument(help="Run whose candidate it is; the newest without one.")] = "",
    tenant: Annotated[UUID | None, typer.Option(help="Replace the rows of this academy alone.")] = None,
    student: Annotated[list[UUID] | None, typer.Option(help="Of this student alone; may be given again.")] = None,
) -> None:
    """Publish a candidate that is there, for all or for a part of the students."""
    from orchestration.database import publisher_url
    from orchestration.gate import check_candidate
    from orchestration.publishing import candidate, engine
    from orchestration.publishing.scope import Scope

    if tenant and student:
        raise typer.BadParameter("--tenant and --student exclude each other")
    scope = Scope(tenant=tenant, students=frozenset(student) if student else None)
    chosen = load_settings()
    found = candidate.read(chosen.candidates / run_id) if run_id else candidate.latest(chosen.candidates)
    result = engine.publish(publisher_url(chosen), found, scope=scope, check=check_candidate)
    out.print(f"Published version {result.version} from run {result.run_id}, {scope}.", soft_wrap=True)
    for table, change in result.tables.items():
        out.print(f"  serving.{table}: {change.inserted:,} new, {change.updated:,} changed, {change.deleted:,} gone")


@app.command()
def rollback() -> None:
    """Publish the candidate again that was live before the present one."""
    from orchestration.database import publisher_url
    from orchestration.gate import check_candidate
    from orchestration.publishing.engine import rollback as go_back

    chosen = load_settings()
    result = go_back(publisher_url(chosen), chosen.candidates, check=check_candidate)
    out.print(f"Published version {result.version} from run {result.run_id}.")


@app.command()
def show(student_id: str, items: Annotated[int, typer.Option(min=1, max=50)] = 10) -> None:
    """Show what the app would read for a student."""
    from orchestration.database import database_url

    url = database_url(load_settings())
    _print_recommendations(url, student_id, items)
    _print_resumptions(url, student_id, items)
    _print_score_predictions(url, student_id)
    _print_analysis(url, student_id)


@app.command()
def status(
    as_json: Annotated[bool, typer.Option("--json", help="One JSON document on standard output.")] = False,
) -> None:
    """Tell what is published, how fresh the app's tables are and how good the models."""
    from orchestration import serving
    from orchestration.database import database_url

    chosen = load_settings()
    document = serving.status(chosen, database_url(chosen), dt.datetime.now(dt.UTC))
    if as_json:
        typer.echo(json.dumps(document, indent=2, ensure_ascii=False))
    else:
        _print_status(document)


@app.command()
def docs() -> None:
    """Write the documentation of the warehouse as one HTML page: models, columns, lineage."""
    from orchestration.database import database_url
    from orchestration.transform import write_docs

    chosen = load_settings()
    out.print(str(write_docs(chosen, database_url(chosen))), soft_wrap=True)


@app.command()
def ui(port: Annotated[int, typer.Option(help="Port on 127.0.0.1.")] = UI_PORT) -> None:
    """Open the Dagster UI on 127.0.0.1: lineage, runs, checks, and the schedule's daemon."""
    from orchestration.database import database_url
    from orchestration.run import prepare_dagster_home
    from orchestration.transform import prepare_manifest

    chosen = load_settings()
    database_url(chosen)
    prepare_dagster_home(chosen)
    prepare_manifest(chosen)
    out.print(f"http://{UI_HOST}:{port}  (Ctrl-C ends it)")
    dagster = Path(sys.executable).with_name("dagster")
    command = [str(dagster), "dev", "-m", "orchestration.definitions", "-h", UI_HOST, "-p", str(port)]
    raise typer.Exit(subprocess.run(command, cwd=chosen.dagster_home, check=False).returncode)


def _stand_in_settings(what: str) -> Settings:
    chosen = load_settings()
    if chosen.database_url:
        raise LoadRefused(
            f"`tlu {what}` only ever touches the local stand-in, and SUPABASE_DB_URL names another database. "
            "Unset it to work on the stand-in."
        )
    return chosen


def _stand_in_url(what: str) -> str:
    from orchestration.database import database_url

    return database_url(_stand_in_settings(what))


def _has_students(target: str) -> bool:
    with psycopg.connect(target) as connection:
        return connection.execute("select from public.students limit 1").fetchone() is not None


def _print_load(what: str, counts: dict[str, int], started: dt.datetime) -> None:
    seconds = (dt.datetime.now(dt.UTC) - started).total_seconds()
    table = Table(title=f"{what}: rows per table, in {seconds:.1f} s", box=None, title_justify="left")
    table.add_column("table")
    table.add_column("rows", justify="right")
    for name, count in sorted(counts.items(), key=lambda item: -item[1]):
        table.add_row(name, f"{count:,}")
    out.print(table)


def _print_recommendations(target: str, student_id: str, items: int) -> None:
    from orchestration import serving

    rows = serving.recommendations(target, student_id, items)
    if not rows:
        out.print(f"No recommendations for {student_id}, and none for the student's year and subjects.")
        return
    table = Table(title=f"Student {student_id}", title_justify="left", box=None)
    for name in ("#", "subject", "content", "score", "why", "source"):
        table.add_column(name, justify="right" if name in {"#", "score"} else "left", overflow="fold")
    for row in rows:
        table.add_row(
            str(row["rank"]), row["subject_group"], row["title"], f"{row['score']:.2f}", row["reasoning"], row["source"]
        )
    out.print(table)


def _print_resumptions(target: str, student_id: str, items: int) -> None:
    from orchestration import serving

    rows = serving.resumptions(target, student_id, items)
    if not rows:
        return
    out.print()
    table = Table(title="Begun and left", title_justify="left", box=None)
    for name in ("#", "subject", "content", "done", "why"):
        table.add_column(name, justify="right" if name in {"#", "done"} else "left", overflow="fold")
    for row in rows:
        done = "–" if row["done_share"] is None else f"{int(row['done_share'] * 100)}%"
        table.add_row(str(row["rank"]), row["subject_group"], row["title"], done, row["reasoning"])
    out.print(table)


def _print_score_predictions(target: str, student_id: str) -> None:
    from orchestration import serving

    rows = serving.next_exams(target, student_id)
    if not rows:
        return
    out.print()
    table = Table(title="Next exams", title_justify="left", box=None)
    for name in ("subject", "exam", "day", "past", "last", "expected", "8 of 10", "within ±5"):
        table.add_column(name, justify="left" if name in {"subject", "exam", "day"} else "right")
    for row in rows:
        last = "–" if row["current_score"] is None else f"{row['current_score']:.0f}"
        exam = f"{row['exam_kind']} {row['exam_type'] or ''}"
        interval = f"{row['lower']:.0f} to {row['upper']:.0f}"
        past, expected, sure = str(row["past_exam_count"]), f"{row['predicted_score']:.0f}", f"{row['confidence']:.0%}"
        table.add_row(row["subject_group"], exam, row["target_date"], past, last, expected, interval, sure)
    out.print(table)


def _print_analysis(target: str, student_id: str, parts: Sequence[str] = ANALYSED) -> None:
    from orchestration import serving

    for table in student_tables(serving.analysis(target, student_id), parts):
        out.print()
        out.print(table)


def _print_summary(chosen: Settings, target: str, seconds: dict[str, float]) -> None:
    from orchestration import serving

    document = serving.status(chosen, target, dt.datetime.now(dt.UTC))
    publication = document["publication"]
    out.print()
    out.print(f"Published version {publication['version']}, as of {publication['as_of']} 00:00 KST")
    for table, rows in publication["rows"].items():
        out.print(f"  serving.{table:<26}{rows:>10,} rows {publication['changed'][table]:>10,} changed")
    if not any(publication["changed"].values()):
        out.print("  0 changed rows: the app reads what it read before.")
    for name, model in document["models"].items():
        out.print(f"  model {name} {model['version']}: {model['in_use']}")
    _print_source_rows(target)
    total = sum(seconds.values())
    slowest = sorted(seconds.items(), key=lambda item: -item[1])[:3]
    out.print(f"Time {total:.0f} s: " + ", ".join(f"{step} {value:.0f} s" for step, value in slowest))
    student = serving.example_student(target)
    if student:
        out.print()
        _print_recommendations(target, student, 5)
        _print_score_predictions(target, student)
        _print_analysis(target, student, ("patterns", "outlook"))
    out.print()
    out.print("Look further:")
    out.print(f"  tlu show {student or 'STUDENT_ID'}")
    connection = '"$SUPABASE_DB_URL"' if chosen.database_url else '"$(tlu url)"'
    query = f"select * from serving.recommend_contents('{student}')" if student else "select * from serving.publication"
    out.print(f'  psql {connection} -c "{query}"', soft_wrap=True)
    out.print(f"  duckdb -readonly '{chosen.marts_file}' -c 'from fct_study_daily limit 5'", soft_wrap=True)
    out.print(f"  tlu ui    lineage and runs on http://{UI_HOST}:{UI_PORT}")


def _print_source_rows(target: str) -> None:
    from orchestration.source_rows import read_source_rows
    from orchestration.transform import RUN_TARGET, SCHEMAS

    out.print("Rows read of the app, kept and left out (by reason in fct_source_rows):")
    with psycopg.connect(target) as connection:
        for account in read_source_rows(connection, SCHEMAS[RUN_TARGET]):
            largest = sorted(account.left_out.items(), key=lambda reason: -reason[1])[:3]
            why = ", ".join(f"{name} {count:,}" for name, count in largest)
            out.print(f"  {account.table:<26}{account.kept:>10,} of {account.total:,}" + (f"   {why}" if why else ""))


def _print_backtest(results: list[dict[str, Any]]) -> None:
    columns = ("recall_at_20", "ndcg_at_20", "ndcg_at_10", "mrr_at_20")
    table = Table(title="Contents not started before, next 14 days", title_justify="left", box=None)
    table.add_column("as of")
    table.add_column("ranking")
    for name in ("students", *columns):
        table.add_column(name.replace("_at_", "@"), justify="right")
    for result in results:
        block = result["recommendations"]
        for name, figures in {"ours": block, **block["baselines"]}.items():
            cells = ("–" if figures[column] is None else f"{figures[column]:.4f}" for column in columns)
            table.add_row(result["as_of"], name, f"{block['students']:,}", *cells)
    out.print(table)
    for result in results:
        _print_gains(result["as_of"], result["recommendations"])
    _print_score_backtest(results)
    for table in backtest_tables(results):
        out.print(table)


def _print_score_backtest(results: list[dict[str, Any]]) -> None:
    table = Table(
        title="Next score of each series, next 365 days", title_justify="left", box=None, padding=(0, 1, 0, 0)
    )
    for name in ("as of", "prediction"):
        table.add_column(name, no_wrap=True)
    for name in ("scores", "MAE", "gain", "in 80 %", "in 90 %", "width", "winkler"):
        table.add_column(name, justify="right", no_wrap=True)
    for result in results:
        day, block = result["as_of"], result["score_predictions"]
        if not block["n"]:
            table.add_row(day, "no score came after it")
            continue
        scores, plain = f"{block['n']:,}", block["plain_split_conformal"]
        table.add_row(
            *(day, block["in_use"], scores, f"{block['mae']:.2f}", "", f"{block['coverage_80']:.1%}"),
            *(f"{block['coverage_90']:.1%}", f"{block['width_80']:.1f}", f"{block['winkler_80']:.1f}"),
        )
        for name, figures in block["baselines"].items():
            gain = f"{block['gain_over'][name]['value']:+.1%}"
            table.add_row(day, name, scores, f"{figures['mae']:.2f}", gain)
        if plain:
            cells = (f"{plain['coverage_80']:.1%}", "", f"{plain['width_80']:.1f}", f"{plain['winkler_80']:.1f}")
            table.add_row(day, "plain split", scores, "", "", *cells)
    out.print()
    out.print(table)


def _print_gains(as_of: str, block: dict[str, Any]) -> None:
    """What we gain over the promised and the best baseline, and what re-ranking costs and brings."""
    best = max(block["baselines"], key=lambda name: block["baselines"][name]["ndcg_at_20"] or 0.0)
    for name in dict.fromkeys(["popular_recent", best]):
        gains = block["lift_over"][name].get("all", {})
        told = [
            f"{figure.replace('_at_', '@')} {gain['value']:+.1%} ({gain['low']:+.1%} to {gain['high']:+.1%})"
            for figure, gain in gains.items()
            if figure != "students" and gain["low"] is not None
        ]
        if told:
            out.print(f"{as_of}: {', '.join(told)} over {name}", soft_wrap=True)
    changes = [
        f"{figure.replace('_at_', '@')} {block[figure] / before - 1:+.1%}"
        for figure in ("ndcg_at_10", "subject_mix_kl_at_10")
        if (before := block["before_reranking"][figure])
    ]
    if changes:
        out.print(f"{as_of}: re-ranking changes {', '.join(changes)}", soft_wrap=True)


def _print_status(document: dict[str, Any]) -> None:
    publication = document["publication"]
    if publication is None:
        out.print("Nothing is published yet. `tlu run` does it.")
    else:
        out.print(
            f"Version {publication['version']}, as of {publication['as_of']}, published "
            f"{dt.datetime.fromisoformat(publication['published_at']).astimezone(SEOUL):%Y-%m-%d %H:%M} KST, "
            f"content {publication['content_hash'][:12]}"
        )
        for table, rows in publication["rows"].items():
            out.print(f"  serving.{table:<26}{rows:>10,} rows")
    for name, model in document["models"].items():
        out.print(
            f"Model {name} {model['version']}: {model['in_use']}, {model['metrics']}, baseline {model['baseline']}"
        )
    for table, fresh in document["freshness"].items():
        age = "no rows" if fresh["age_hours"] is None else f"{fresh['age_hours']:,.0f} h old"
        out.print(f"  {table:<28}{age:>12}  {fresh['state']}")


def _print_unexpected(kind: type[BaseException], error: BaseException, _: object) -> None:
    err.print(f"[red]Failed unexpectedly:[/] {kind.__name__}. This is a fault of ours; --debug shows where.")
    err.print(str(error), markup=False, soft_wrap=True)


def main() -> None:
    """Run the command line; every error we know becomes one message and an exit code."""
    from local_supabase.oulad import OuladError
    from local_supabase.server import LocalPostgresError
    from orchestration.database import DatabaseUnavailable
    from orchestration.model_cards.measured import NotABacktest
    from orchestration.publishing.errors import GateRefused, PublishingError
    from orchestration.raw_contract import RawContractError
    from orchestration.serving import UnknownStudent
    from orchestration.transform import TransformError
    from orchestration.validations import ExpectationsFailed

    refused = (GateRefused, ExpectationsFailed)
    wrong = (CutoffError, SettingsError)
    failed = (
        DatabaseUnavailable,
        LoadRefused,
        LocalPostgresError,
        NotABacktest,
        OuladError,
        PublishingError,
        RawContractError,
        TransformError,
        UnknownStudent,
        psycopg.Error,
    )
    try:
        app()
    except (*refused, *wrong, *failed) as error:
        if sys.excepthook is not _print_unexpected:
            raise
        code = REFUSED if isinstance(error, refused) else WRONG_USAGE if isinstance(error, wrong) else FAILED
        err.print("[red]Refused, nothing published:[/]" if code == REFUSED else "[red]Failed:[/]", end=" ")
        err.print(str(error), markup=False, soft_wrap=True)
        sys.exit(code)
