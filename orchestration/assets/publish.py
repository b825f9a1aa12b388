"""From the candidate to the tables that the app reads. The gate is inside the publisher, whoever starts this."""

from collections.abc import Iterator

import dagster as dg

from orchestration import keys
from orchestration.gate import check_candidate
from orchestration.publishing import candidate
from orchestration.publishing.contracts import PUBLISHED_TABLES
from orchestration.publishing.engine import publish
from orchestration.publishing.migrations import migrate
from orchestration.resources import Pipeline

PUBLICATION = "publication"


@dg.multi_asset(
    name="publish",
    specs=[
        *(
            dg.AssetSpec(
                keys.served(table.name), deps=[keys.candidate(table.name)], group_name="serving", kinds={"postgres"}
            )
            for table in PUBLISHED_TABLES
        ),
        dg.AssetSpec(
            keys.served(PUBLICATION),
            deps=[keys.candidate(table.name) for table in PUBLISHED_TABLES],
            group_name="serving",
            kinds={"postgres"},
        ),
    ],
    pool=keys.POSTGRES_WRITE,
)
def published_tables(
    context: dg.AssetExecutionContext, pipeline: dg.ResourceParam[Pipeline]
) -> Iterator[dg.MaterializeResult[None]]:
    """This run's candidate, or the newest one when started alone, published in one transaction."""
    url = pipeline.publisher_url()
    migrate(url)
    folder = pipeline.settings.candidates / context.run_id
    chosen = candidate.read(folder) if folder.exists() else candidate.latest(pipeline.settings.candidates)
    result = publish(url, chosen, check=check_candidate)
    for name, change in result.tables.items():
        yield dg.MaterializeResult(
            asset_key=keys.served(name),
            metadata={
                "dagster/row_count": change.rows,
                "inserted": change.inserted,
                "updated": change.updated,
                "deleted": change.deleted,
            },
        )
    yield dg.MaterializeResult(
        asset_key=keys.served(PUBLICATION),
        metadata={
            "version": result.version,
            "run_id": result.run_id,
            "content_hash": chosen.manifest.content_hash,
            "seconds": result.seconds,
        },
    )
