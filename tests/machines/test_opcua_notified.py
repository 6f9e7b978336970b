"""What an OPC UA server tells: bytes read fast mean what the library makes of them, and nothing is lost unseen."""

import asyncio
import datetime as dt
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest
from asyncua import ua
from asyncua.ua.ua_binary import struct_to_binary
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.machines.foreign_opcua import Foreign
from tests.machines.suite import opened, until
from tests.machines.test_opcua_foreign import At
from weft.machines.opcua_notified import _slowly, notified
from weft.machines.opcua_subscription import IN_FLIGHT, Subscription, _after, _following

V = ua.VariantType
WHEN = st.datetimes(dt.datetime(1990, 1, 1), dt.datetime(2090, 1, 1), timezones=st.just(dt.UTC))  # noqa: DTZ001 - on the wire it has no zone
PLAIN = st.one_of(
    st.booleans().map(lambda one: ua.Variant(one, V.Boolean)),
    st.integers(-(2**31), 2**31 - 1).map(lambda one: ua.Variant(one, V.Int32)),
    st.integers(0, 2**64 - 1).map(lambda one: ua.Variant(one, V.UInt64)),
    st.integers(0, 255).map(lambda one: ua.Variant(one, V.Byte)),
    st.floats(width=32).map(lambda one: ua.Variant(one, V.Float)),
    st.floats().map(lambda one: ua.Variant(one, V.Double)),
    st.text(max_size=20).map(lambda one: ua.Variant(one, V.String)),
    st.lists(st.integers(0, 9), min_size=1, max_size=4).map(lambda one: ua.Variant(one, V.Int16, is_array=True)),
    st.binary(max_size=5).map(lambda one: ua.Variant(one, V.ByteString)),
    st.just(ua.Variant(ua.Range(1.0, 2.0), V.ExtensionObject)),
)
STATUS = st.sampled_from([None, 0, ua.StatusCodes.BadSensorFailure, ua.StatusCodes.UncertainLastUsableValue, 0x480])
DATA = st.builds(
    lambda value, status, source, server: ua.DataValue(
        Value=value, StatusCode=None if status is None else ua.StatusCode(status), SourceTimestamp=source,
        ServerTimestamp=server),
    PLAIN, STATUS, st.none() | WHEN, st.none() | WHEN)


def response(parts: list[list[ua.DataValue]], number: int = 7) -> bytes:
    """The bytes of a publish response."""
    made = ua.PublishResponse()
    made.Parameters.SubscriptionId = 3
    made.Parameters.AvailableSequenceNumbers = [5, 6]
    made.Parameters.NotificationMessage.SequenceNumber = number
    made.Parameters.NotificationMessage.PublishTime = dt.datetime.now(dt.UTC)
    made.Parameters.NotificationMessage.NotificationData = [
        ua.DataChangeNotification(MonitoredItems=[
            ua.MonitoredItemNotification(ClientHandle=handle, Value=one) for handle, one in enumerate(part, 1)])
        for part in parts]
    return struct_to_binary(made)


@settings(max_examples=150, deadline=None)
@given(st.lists(st.lists(DATA, max_size=5), max_size=3))
def test_bytes_mean_what_the_library_makes_of_them(parts: list[list[ua.DataValue]]) -> None:
    raw, names = response(parts), {1: "A", 2: "B", 4: "D"}  # one item that nobody asked for
    fast, slow = notified(raw, names), _slowly(raw, names)
    assert [(name, _told(one)) for name, one in fast.changes] == [(name, _told(one)) for name, one in slow.changes]
    assert all(abs(one.source_ms - other.source_ms) <= 1 and abs(one.server_ms - other.server_ms) <= 1
               for (_, one), (_, other) in zip(fast.changes, slow.changes, strict=True))  # it rounds, we cut
    assert (fast.subscription, fast.number, fast.alive) == (slow.subscription, slow.number, slow.alive)


def _told(one: Any) -> tuple[Any, ...]:
    return type(one.value), one.value, one.quality, one.detail


def test_stamps_are_those_of_the_device() -> None:
    at = dt.datetime(2026, 11, 26, 8, 0, 0, 123000, tzinfo=dt.UTC)
    data = ua.DataValue(Value=ua.Variant(1.5, V.Double), SourceTimestamp=at,
                        ServerTimestamp=at + dt.timedelta(milliseconds=2), StatusCode=None)
    (_, value), = notified(response([[data]]), {1: "A"}).changes
    assert (value.value, value.source_ms, value.server_ms) == (1.5, 1795680000123, 1795680000125)


def test_a_full_queue_at_the_device_is_told() -> None:
    data = ua.DataValue(Value=ua.Variant(1, V.Int32), StatusCode=ua.StatusCode(0x480))
    (_, value), = notified(response([[data]]), {1: "A"}).changes
    assert (value.good, value.detail) == (True, "overflow")


@pytest.mark.parametrize("cut", [5, 30, 60, 90])
def test_bytes_that_are_cut_off_are_an_error_and_nothing_else(cut: int) -> None:
    data = ua.DataValue(Value=ua.Variant("word", V.String), StatusCode=None)
    with pytest.raises(Exception):  # noqa: B017 - whatever it is, the link ends by it
        notified(response([[data, data]])[:cut], {1: "A"})


def test_numbers_begin_again_after_the_last() -> None:
    assert _following(0xFFFFFFFF) == 1
    assert _after(1, 0xFFFFFFFF) and not _after(0xFFFFFFFF, 1)


@pytest.fixture
async def counting() -> AsyncIterator[Foreign]:
    """A server with one number that goes up by one, ten times a second."""
    server = Foreign(many=1, hz=10)
    await server.begin()
    yield server
    await server.kill()


def losing(lost: list[int], *, again: bool = True) -> Callable[..., Any]:
    """A server's answers of which each fifth with changes is lost on the way, and (not ``again``) each second try."""
    count = 0

    def wrap(raw: Callable[..., Any]) -> Callable[..., Any]:
        async def lossy(request: Any, timeout_s: float | None = None) -> Any:
            nonlocal count
            if isinstance(request, ua.RepublishRequest) and not again:
                raise ua.UaStatusCodeError(ua.StatusCodes.BadMessageNotAvailable)
            answer = await raw(request, timeout_s)
            if isinstance(request, ua.PublishRequest) and (told := notified(answer, {2: "", 1: ""}).changes):
                count += 1
                if count % 5 == 0:
                    lost.extend(int(value.value) for _, value in told)
                    return await raw(request, timeout_s)
            return answer
        return lossy
    return wrap


async def heard_through(counting: Foreign, wrap: Callable[..., Any], seconds: float) -> tuple[list[int], Any, Any]:
    """The numbers that are heard, with the connection and what it told of its links."""
    async with opened(At(counting, {"v0": "number"}), ["v0"]) as (connection, heard):
        told = connection._session.subscription  # type: ignore[attr-defined] # the fault is made inside the link
        told.services.raw = wrap(told.services.raw)
        await asyncio.sleep(seconds)
        return [int(value.value) for _, value in heard.changes], told, heard


async def test_what_is_lost_on_the_way_is_asked_for_again_and_comes_in_its_turn(counting: Foreign) -> None:
    lost: list[int] = []
    numbers, told, heard = await heard_through(counting, losing(lost), 4)
    assert len(lost) > 2 and told.asked_again >= 2
    assert set(lost[:-2]) <= set(numbers), "the last may still be on its way"
    assert numbers == sorted(set(numbers))
    assert heard.ups() == 1


async def test_several_requests_wait_at_the_server_at_any_time(counting: Foreign) -> None:
    waiting, most = 0, 0

    def wrap(raw: Callable[..., Any]) -> Callable[..., Any]:
        async def counted(request: Any, timeout_s: float | None = None) -> Any:
            nonlocal waiting, most
            told = isinstance(request, ua.PublishRequest)
            waiting += told
            most = max(most, waiting)
            try:
                return await raw(request, timeout_s)
            finally:
                waiting -= told
        return counted

    numbers, told, _ = await heard_through(counting, wrap, 2)
    assert most == IN_FLIGHT
    assert told.asked_again == 0
    assert numbers == sorted(set(numbers)) and len(numbers) > 5


async def test_control_who_does_not_look_at_the_numbers_of_messages_misses_some(
    counting: Foreign, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Subscription, "take", lambda self, message: self.tell(message.changes))
    monkeypatch.setattr(Subscription, "silent", False)
    lost: list[int] = []
    numbers, _, _ = await heard_through(counting, losing(lost), 4)
    assert len(lost) > 2 and not set(lost) & set(numbers)


async def test_what_the_server_has_no_more_makes_the_link_begin_anew(counting: Foreign) -> None:
    async with opened(At(counting, {"v0": "number"}), ["v0"]) as (connection, heard):
        told = connection._session.subscription  # type: ignore[attr-defined] # the fault is made inside the link
        told.services.raw = losing([], again=False)(told.services.raw)
        await until(lambda: heard.ups() == 2, 20)
        assert any(one.detail == "gap" for one in heard.links)
        heard.changes.clear()
        await until(lambda: heard.newest("v0") is not None)
