"""The engine's tables, and the one way every service migrates its own database (Alembic; expand first, contract later).

A service's first migration calls `engine_v1(op)`; later engine changes become `engine_v2(op)` and so on, each called by
one migration of each service.
"""

import asyncio
from pathlib import Path
from typing import Any

from alembic import command, context
from alembic.config import Config
from sqlalchemy import Connection, MetaData, pool, text
from sqlalchemy.ext.asyncio import create_async_engine

OUTBOX_PARTITIONS_AHEAD = 8
"""Days of outbox partitions kept ready; a default partition catches rows should maintenance stop for longer."""

_ENGINE_V1 = """
CREATE TABLE clock_offset (
    singleton boolean PRIMARY KEY DEFAULT true CHECK (singleton),
    ahead interval NOT NULL
);
COMMENT ON TABLE clock_offset IS 'Empty in production. A test moves the service''s clock by writing its one row.';
CREATE FUNCTION app_now() RETURNS timestamptz LANGUAGE sql STABLE AS
$$ SELECT now() + coalesce((SELECT ahead FROM clock_offset), interval '0') $$;

CREATE TABLE stream_head (
    key text PRIMARY KEY,
    sequence bigint NOT NULL DEFAULT 0,
    audit_sequence bigint NOT NULL DEFAULT 0,
    audit_hash bytea NOT NULL DEFAULT decode(repeat('00', 32), 'hex')
) WITH (fillfactor = 70);
CREATE FUNCTION lock_streams(wanted text[])
RETURNS TABLE (key text, sequence bigint, audit_sequence bigint, audit_hash bytea) LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO stream_head (key)
        SELECT w FROM unnest(wanted) AS w WHERE NOT EXISTS (SELECT 1 FROM stream_head h WHERE h.key = w) ORDER BY w
        ON CONFLICT DO NOTHING;
    RETURN QUERY SELECT h.key, h.sequence, h.audit_sequence, h.audit_hash
        FROM stream_head h WHERE h.key = ANY(wanted) ORDER BY h.key FOR UPDATE;
END $$;

CREATE TABLE outbox (
    id bigint GENERATED ALWAYS AS IDENTITY,
    xid xid8 NOT NULL DEFAULT pg_current_xact_id(),
    shard smallint NOT NULL DEFAULT 0,
    event_id uuid NOT NULL,
    type text NOT NULL,
    topic text NOT NULL,
    key text NOT NULL,
    sequence bigint NOT NULL,
    occurred_at timestamptz NOT NULL,
    recorded_at timestamptz NOT NULL DEFAULT now(),
    correlation_id text NOT NULL,
    causation_id text,
    traceparent text,
    value text NOT NULL
) PARTITION BY RANGE (recorded_at);
CREATE INDEX outbox_xid ON outbox (xid);
CREATE INDEX outbox_key ON outbox (key, sequence);
CREATE TABLE outbox_default PARTITION OF outbox DEFAULT;
CREATE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS
$$ BEGIN RAISE EXCEPTION '% is insert-only', TG_TABLE_NAME USING ERRCODE = 'integrity_constraint_violation'; END $$;
CREATE TRIGGER outbox_insert_only BEFORE UPDATE OR DELETE ON outbox FOR EACH ROW EXECUTE FUNCTION refuse_change();
CREATE FUNCTION add_outbox_partitions(days int) RETURNS int LANGUAGE plpgsql AS $$
DECLARE
    day date;
    added int := 0;
BEGIN
    FOR day IN SELECT (now() AT TIME ZONE 'UTC')::date + n FROM generate_series(0, days - 1) AS n LOOP
        IF to_regclass(format('outbox_%s', to_char(day, 'YYYYMMDD'))) IS NULL THEN
            EXECUTE format(
                'CREATE TABLE %I PARTITION OF outbox FOR VALUES FROM (%L) TO (%L)',
                'outbox_' || to_char(day, 'YYYYMMDD'), day::text || ' 00:00+00', (day + 1)::text || ' 00:00+00');
            added := added + 1;
        END IF;
    END LOOP;
    RETURN added;
END $$;

CREATE TABLE relay_cursor (
    shard smallint PRIMARY KEY,
    epoch bigint NOT NULL DEFAULT 0,
    snapshot pg_snapshot,
    system_identifier bigint,
    cluster_id text,
    acked jsonb NOT NULL DEFAULT '{}',
    saved_at timestamptz
);
INSERT INTO relay_cursor (shard) VALUES (0);

CREATE TABLE stream_position (
    topic text NOT NULL,
    key text NOT NULL,
    sequence bigint NOT NULL,
    blocked_at timestamptz,
    PRIMARY KEY (topic, key)
) WITH (fillfactor = 70);
CREATE FUNCTION lock_positions(topics text[], keys text[])
RETURNS TABLE (topic text, key text, sequence bigint, blocked_at timestamptz) LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO stream_position (topic, key, sequence)
        SELECT w.topic, w.key, 0 FROM unnest(topics, keys) AS w(topic, key)
        WHERE NOT EXISTS (SELECT 1 FROM stream_position p WHERE p.topic = w.topic AND p.key = w.key)
        ORDER BY w.topic, w.key
        ON CONFLICT DO NOTHING;
    RETURN QUERY SELECT p.topic, p.key, p.sequence, p.blocked_at
        FROM stream_position p JOIN unnest(topics, keys) AS w(topic, key) ON p.topic = w.topic AND p.key = w.key
        ORDER BY p.topic, p.key FOR UPDATE OF p;
END $$;

CREATE TABLE parked (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    topic text NOT NULL,
    key text,
    sequence bigint,
    event_id uuid,
    type text,
    headers jsonb NOT NULL,
    value bytea,
    reason text NOT NULL CHECK (reason IN ('failed', 'gap', 'behind', 'undecodable')),
    error_class text,
    error_code text,
    attempts int NOT NULL DEFAULT 1,
    parked_at timestamptz NOT NULL DEFAULT now(),
    resolved_at timestamptz,
    resolution text CHECK (resolution IN ('applied', 'skipped')),
    resolved_by text,
    resolution_reason text
);
CREATE UNIQUE INDEX parked_open ON parked (topic, key, sequence) WHERE resolved_at IS NULL;

CREATE TABLE deadline (
    id uuid PRIMARY KEY,
    key text NOT NULL,
    kind text NOT NULL,
    subject uuid,
    anchor_at timestamptz NOT NULL,
    due_at timestamptz NOT NULL,
    plan_at timestamptz[] NOT NULL,
    plan_stage text[] NOT NULL,
    next_stage int NOT NULL,
    fire_at timestamptz,
    repeat_seconds int,
    repeat_no int NOT NULL DEFAULT 0,
    policy_version text NOT NULL,
    detail jsonb NOT NULL,
    state text NOT NULL DEFAULT 'armed' CHECK (state IN ('armed', 'met', 'cancelled')),
    armed_at timestamptz NOT NULL,
    held_until timestamptz NOT NULL DEFAULT '-infinity',
    breached_at timestamptz,
    ended_at timestamptz
) WITH (fillfactor = 80);
CREATE INDEX deadline_due ON deadline (fire_at, id) WHERE state = 'armed' AND fire_at IS NOT NULL;
CREATE INDEX deadline_key ON deadline (key);

CREATE TABLE idempotency (
    client text NOT NULL,
    key text NOT NULL,
    body_hash bytea NOT NULL,
    status int NOT NULL,
    body jsonb,
    version int,
    location text,
    created_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (client, key)
);
CREATE INDEX idempotency_age ON idempotency (created_at);

CREATE TABLE audit_entry (
    key text NOT NULL,
    sequence bigint NOT NULL,
    at timestamptz NOT NULL,
    action text NOT NULL,
    actor jsonb NOT NULL,
    detail jsonb NOT NULL,
    previous_hash bytea NOT NULL,
    hash bytea NOT NULL,
    PRIMARY KEY (key, sequence)
);
CREATE TRIGGER audit_insert_only BEFORE UPDATE OR DELETE ON audit_entry FOR EACH ROW EXECUTE FUNCTION refuse_change();
"""

ENGINE_TABLES = frozenset(
    {
        "clock_offset",
        "stream_head",
        "outbox",
        "relay_cursor",
        "stream_position",
        "parked",
        "deadline",
        "idempotency",
        "audit_entry",
    }
)


def engine_v1(op: Any) -> None:
    """Create the engine's tables. Called by each service's first migration."""
    for statement in _statements(_ENGINE_V1):
        op.execute(text(statement.replace(":", r"\:")))
    op.execute(text(f"SELECT add_outbox_partitions({OUTBOX_PARTITIONS_AHEAD})"))


def _statements(script: str) -> list[str]:
    """Split at semicolons outside `$$` bodies and quoted text; the driver prepares one statement at a time."""
    statements: list[str] = []
    for index, part in enumerate(script.split("$$")):
        if index % 2:
            statements[-1] += f"$${part}$$"
            continue
        pieces = part.split(";")
        if statements and index:
            statements[-1] += pieces.pop(0)
        statements.extend(pieces)
    return [statement.strip() for statement in statements if statement.strip()]


def alembic_config(migrations: Path, dsn: str) -> Config:
    """The Alembic configuration of one service, made here so that no ini file repeats it."""
    config = Config()
    config.set_main_option("script_location", str(migrations))
    config.attributes["dsn"] = dsn
    return config


def upgrade(migrations: Path, dsn: str) -> None:
    """Bring the database to the newest revision. Two migrators at once wait for each other (advisory lock)."""
    command.upgrade(alembic_config(migrations, dsn), "head")


def run_env(metadata: MetaData) -> None:
    """The body of each service's `migrations/env.py`."""
    asyncio.run(_run_online(metadata, context.config.attributes["dsn"]))


async def _run_online(metadata: MetaData, dsn: str) -> None:
    engine = create_async_engine(dsn.replace("postgresql://", "postgresql+asyncpg://", 1), poolclass=pool.NullPool)

    def migrate(connection: Connection) -> None:
        connection.execute(text("SELECT pg_advisory_xact_lock(hashtext('schema migration'))"))
        context.configure(connection=connection, target_metadata=metadata, include_name=_ours)
        with context.begin_transaction():
            context.run_migrations()

    async with engine.begin() as connection:
        await connection.run_sync(migrate)
    await engine.dispose()


def _ours(name: str | None, kind: str, _parents: Any) -> bool:
    return not (kind == "table" and name is not None and (name in ENGINE_TABLES or name.startswith("outbox_")))
