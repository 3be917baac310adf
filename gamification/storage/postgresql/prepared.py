"""Sends statements prepared, so that PostgreSQL plans each of them only once.

``prepared_cursor`` returns Django's own cursor, so that its query log, its execute
wrappers and ``assertNumQueries`` see every statement. A statement that it executes for
the second time on a connection is prepared there, under a name that is a digest of its
text: the same name never stands for two statements, in any process.

A pooler may hand each transaction to another session of the server, which lacks the
prepared statements, and an error would end the transaction that it occurs in. Therefore

* outside a transaction, where an error undoes nothing, a statement that was lost is
  sent once more as it is;
* within one, statements are prepared only if no pooler is in between: if the session
  has the number that the server gave to this connection at its start.

Where a pooler loses statements, the process prepares no more of them for this database.
"""

from __future__ import annotations

import logging
from collections import Counter, OrderedDict
from collections.abc import Callable, Sequence
from functools import cached_property
from hashlib import blake2b
from types import SimpleNamespace
from typing import Any, Final, NamedTuple
from weakref import WeakKeyDictionary

from django.db.backends.utils import CursorWrapper

from gamification.conf import conf

logger = logging.getLogger(__name__)

#: The most statements that one connection remembers as seen once, or as prepared.
MOST: Final = 100

#: A statement is planned anew after so many uses: a plan for an empty table reads all
#: rows that came since, until the server gathers statistics, about once a minute.
_PLANNED_ANEW: Final = frozenset({100, 1_000, 10_000})

#: SQLSTATE of statements that are not prepared, or were prepared by somebody else, or
#: whose columns have got other types.
_MISSING: Final = "26000"
_EXISTS: Final = "42P05"
_CHANGED: Final = "0A000"

#: Stand in for the name of a statement that came once, and of a statement that cannot
#: be sent prepared.
_ONCE: Final = b""
_UNFIT: Final = b"-"

#: The driver's states of a transaction: none is open, or one without an error.
_IDLE, _OPEN = 0, 2

#: The driver's status of a result that is an error.
_FAILED: Final = 7


class Session:
    """The statements that one connection has prepared."""

    def __init__(self) -> None:
        #: Names by statement; what was used last comes last.
        self.names: OrderedDict[str, bytes] = OrderedDict()
        #: How often each name was used.
        self.uses: Counter[bytes] = Counter()
        #: Whether there is no pooler in between; None until that was asked.
        self.is_direct: bool | None = None


_sessions: WeakKeyDictionary[Any, Session] = WeakKeyDictionary()


class Line(NamedTuple):
    """The parts that all cursors of one connection share; making them takes longer."""

    connection: Any
    session: Session
    #: Turns values into those of the driver, and back.
    transformer: Any
    #: The zone of the instants that it makes.
    zone: Any


#: Lines by Django's connection.
_lines: WeakKeyDictionary[Any, Line] = WeakKeyDictionary()

#: Databases behind a pooler that loses statements, by alias.
_lossy: set[str] = set()


def prepared_cursor(connection: Any) -> CursorWrapper:
    """Return a cursor that sends statements prepared where it can.

    Its rows come from ``fetchall``.
    """
    wanted = conf.PREPARED_STATEMENTS
    if wanted is None:
        wanted = connection.alias not in _lossy
    # Tools that watch or forbid statements put a function of their own there.
    own = getattr(connection.cursor, "__func__", None)
    is_replaced = own is not type(connection).cursor
    if not wanted or is_replaced or connection.vendor != "postgresql":
        plain: CursorWrapper = connection.cursor()
        return plain
    # As ``connection.cursor`` does, without a cursor of the driver.
    connection.close_if_health_check_failed()
    connection.ensure_connection()
    connection.validate_thread_sharing()
    wrap = connection.make_cursor
    if connection.queries_logged:
        wrap = connection.make_debug_cursor
    cursor: CursorWrapper = wrap(PreparedCursor(connection))
    return cursor


def fetch_rows(
    cursor: CursorWrapper, sql: str, params: Sequence[Any]
) -> list[tuple[Any, ...]]:
    """Execute a statement with a cursor of ``prepared_cursor``; return its rows."""
    cursor.execute(sql, params)
    inner = getattr(cursor, "cursor", None)
    if isinstance(inner, PreparedCursor) and inner.rows is not None:
        # Rows that are there already raise no error for Django to translate.
        return inner.rows
    rows: list[tuple[Any, ...]] = cursor.fetchall()
    return rows


class PreparedCursor:
    """Stands in for a cursor of the driver, which sends what is not prepared."""

    def __init__(self, connection: Any) -> None:
        self._django = connection
        self._driver = connection.Database
        self._connection, self._session, self._transformer, _ = _line_of(connection)
        self._server = self._connection.pgconn
        self.rows: list[tuple[Any, ...]] | None = None
        self._last: tuple[str, Sequence[Any]] = ("", ())

    @cached_property
    def _plain(self) -> Any:
        return self._django.create_cursor()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._plain, name)

    def close(self) -> None:
        """Close the cursor of the driver, if there is any."""
        if "_plain" in vars(self):
            self._plain.close()

    @property
    def _query(self) -> Any:
        """What Django's log takes for the text of the last statement."""
        if self.rows is None:
            return self._plain._query  # noqa: SLF001 - as Django does
        return SimpleNamespace(query=self._plain.mogrify(*self._last).encode())

    def execute(self, sql: str, params: Sequence[Any] = ()) -> None:
        self._last = sql, params
        with self._connection.lock:
            self.rows = self._fetch(sql, params) if self._can_prepare() else None
        if self.rows is None:
            self._plain.execute(sql, params)

    def fetchall(self) -> list[tuple[Any, ...]]:
        return self._plain.fetchall() if self.rows is None else self.rows

    def _can_prepare(self) -> bool:
        """Say whether an error would be harmless, or cannot occur."""
        server, driver = self._server, self._connection
        if server.pipeline_status:
            return False
        if server.transaction_status == _IDLE:
            # Otherwise, a transaction begins with the statement.
            return bool(driver.autocommit)
        # A driver that prepares by itself drops all statements after a rollback.
        is_open = server.transaction_status == _OPEN
        return is_open and driver.prepare_threshold is None and self._is_direct()

    def _is_direct(self) -> bool:
        """Say whether the session is the one that this connection began with."""
        if self._session.is_direct is None:
            result = self._send(self._server.send_query, b"SELECT pg_backend_pid()")
            number = int(result.get_value(0, 0))
            self._session.is_direct = number == self._server.backend_pid
        return self._session.is_direct

    def _fetch(self, sql: str, params: Sequence[Any]) -> list[tuple[Any, ...]] | None:
        """Return the rows; None if the statement is to be sent as it is."""
        try:
            name = self._name_of(sql, len(params))
            return self._run(name, params) if name else None
        except self._driver.Error as error:
            if not self._is_lost(sql, error.sqlstate):
                raise
            return None

    def _name_of(self, sql: str, count: int) -> bytes | None:
        """Return the name of the statement; None if it is not prepared."""
        names = self._session.names
        name = names.get(sql)
        if name is None:
            self._remember(sql)
            return None
        names.move_to_end(sql)
        if name == _ONCE or self._is_outdated(name):
            name = names[sql] = self._prepare(sql, count)
        return None if name == _UNFIT else name

    def _is_outdated(self, name: bytes) -> bool:
        """Drop the statement if it is to be planned anew; say whether it was."""
        uses = self._session.uses
        uses[name] += 1
        if uses[name] not in _PLANNED_ANEW or name == _UNFIT or not self._is_direct():
            return False
        self._drop(name)
        return True

    def _drop(self, name: bytes) -> None:
        self._send(self._server.send_query, b'DEALLOCATE "%s"' % name)

    def _remember(self, sql: str) -> None:
        """Remember that the statement came once, instead of the one longest unused."""
        names, oldest = self._session.names, _ONCE
        if len(names) >= MOST:
            if self._server.transaction_status != _IDLE:
                return
            _, oldest = names.popitem(last=False)
        names[sql] = _ONCE
        if oldest not in {_ONCE, _UNFIT}:
            self._drop(oldest)
            del self._session.uses[oldest]

    def _prepare(self, sql: str, count: int) -> bytes:
        """Prepare the statement; return its name."""
        first, *rest = sql.encode().split(b"%s")
        if "%%" in sql or len(rest) != count:
            return _UNFIT
        pieces = (b"$%d%s" % (place, piece) for place, piece in enumerate(rest, 1))
        name = (
            b"gamification_"
            + blake2b(sql.encode(), digest_size=16).hexdigest().encode()
        )
        self._send(self._server.send_prepare, name, first + b"".join(pieces))
        return name

    def _run(self, name: bytes, params: Sequence[Any]) -> list[tuple[Any, ...]]:
        formats = [self._driver.adapt.PyFormat.TEXT] * len(params)
        values = self._transformer.dump_sequence(params, formats)
        result = self._send(self._server.send_query_prepared, name, values)
        self._transformer.set_pgresult(result)
        rows: list[tuple[Any, ...]] = self._transformer.load_rows(
            0, result.ntuples, tuple
        )
        return rows

    def _send(self, send: Callable[..., None], *values: Any) -> Any:
        """Send one message to the server; return the result, or raise its error."""
        send(*values)
        generator = self._driver.generators.execute(self._server)
        results = self._connection.wait(generator)
        for result in results:
            # A deferred constraint fails at the commit, after the statement succeeded.
            if result.status == _FAILED:
                raise self._driver.errors.error_from_result(
                    result, self._connection.info.encoding
                )
        return results[0]

    def _is_lost(self, sql: str, state: str | None) -> bool:
        """Say whether the error shows that the statement can be sent as it is."""
        names = self._session.names
        if state == _CHANGED:
            names[sql] = _UNFIT
        elif state in {_MISSING, _EXISTS}:
            names.clear()
            if not self._is_direct():
                _give_up(self._django.alias)
        else:
            return False
        return bool(self._server.transaction_status == _IDLE)


def _session_of(connection: Any) -> Session:
    session = _sessions.get(connection)
    if session is None:
        session = _sessions[connection] = Session()
    return session


def _line_of(django: Any) -> Line:
    """Return the line of Django's connection, which must be open."""
    line, connection, zone = _lines.get(django), django.connection, django.timezone
    if line is None or line.connection is not connection or line.zone is not zone:
        transformer = django.Database.adapt.Transformer(django.create_cursor())
        line = Line(connection, _session_of(connection), transformer, zone)
        _lines[django] = line
    return line


def _give_up(alias: str) -> None:
    if alias not in _lossy:
        _lossy.add(alias)
        logger.warning(
            "A pooler loses prepared statements of the database %r: from now on, no "
            "statement is sent prepared. Set PREPARED_STATEMENTS = False to say so.",
            alias,
        )
