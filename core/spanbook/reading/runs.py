"""One run: what is known of it, and the history of its metrics."""

from sqlalchemy import Engine, select

from spanbook.errors import UnknownRunError
from spanbook.reading.rows import MetricRow, RunRow
from spanbook.reading.run_pages import read_runs
from spanbook.store.schema import run_metrics, runs


def get_run(engine: Engine, run_id: str) -> RunRow:
    """Return one run.

    Raises:
        UnknownRunError: the store does not hold it.
    """
    with engine.connect() as connection:
        pks = connection.execute(select(runs.c.pk).where(runs.c.run_id == run_id)).scalars().all()
        found = read_runs(connection, pks)
    if not found:
        raise UnknownRunError(
            f"The store holds no run {run_id!r}. Run ids are 32 hexadecimal digits; look one up "
            "in the list of runs, or see that this is the store it was written to."
        )
    return found[0]


def list_metrics(engine: Engine, run_id: str, name: str | None = None) -> list[MetricRow]:
    """Return the history of a run's metrics, or of one, by name and step."""
    statement = (
        select(run_metrics.c.name, run_metrics.c.step, run_metrics.c.at_ns, run_metrics.c.value)
        .join(runs, runs.c.pk == run_metrics.c.run_pk)
        .where(runs.c.run_id == run_id)
        .order_by(run_metrics.c.name, run_metrics.c.step)
    )
    if name is not None:
        statement = statement.where(run_metrics.c.name == name)
    with engine.connect() as connection:
        return [MetricRow(*row) for row in connection.execute(statement)]
