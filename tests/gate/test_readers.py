"""What objects of each type become, hostile ones included."""

import collections
import collections.abc
import dataclasses
import datetime
import decimal
import enum
import fractions
import functools
import gc
import io
import pathlib
import re
import threading
import types
import typing
import uuid
import weakref
from typing import Any

import numpy as np
import pandas as pd
import pydantic
import pytest
import sqlalchemy
from pydantic import v1 as pydantic_v1

from spanbook.gate import readers
from spanbook.gate.plain import Gate, register
from spanbook.settings import Settings

UTC = datetime.UTC


def plain(value: Any, **settings: Any) -> Any:
    return Gate(Settings(**settings)).plain(value, "output")


class Colour(enum.Enum):
    RED = "red"


class Deep(enum.Enum):
    PAIR = (1, 2)


class Level(enum.IntEnum):
    HIGH = 3


class Kind(enum.StrEnum):
    LLM = "llm"


class Text(str):
    __slots__ = ()

    def __str__(self):
        raise ValueError


class Point(typing.NamedTuple):
    x: int
    password: str


@pytest.mark.parametrize(
    ("value", "data"),
    [
        (Colour.RED, "red"),
        (Deep.PAIR, [1, 2]),
        (Level.HIGH, 3),
        (Kind.LLM, "llm"),
        (Text("words"), "words"),
        ((1, (2,)), [1, [2]]),
        (Point(1, "x"), {"x": 1, "password": "[redacted]"}),
        ({"b", "a"}, ["a", "b"]),
        (frozenset({1}), [1]),
        (collections.deque([1, 2], 5), [1, 2]),
        (collections.OrderedDict(a=1), {"a": 1}),
        (collections.defaultdict(list, a=[1]), {"a": [1]}),
        (collections.Counter("aa"), {"a": 2}),
        (collections.ChainMap({"a": 1}), {"a": 1}),
        (collections.UserDict(a=1), {"a": 1}),
        (collections.UserList([1]), [1]),
        (types.MappingProxyType({"token": "x"}), {"token": "[redacted]"}),
        (types.SimpleNamespace(a=1), {"a": 1}),
        ({"a": 1}.keys(), ["a"]),
        ({"a": 1}.values(), [1]),
        ({"a": 1}.items(), [["a", 1]]),
        (range(3), "range(0, 3)"),
        (datetime.datetime(2026, 1, 2, 3, tzinfo=UTC), "2026-01-02T03:00:00+00:00"),
        (datetime.date(2026, 1, 2), "2026-01-02"),
        (datetime.time(3, 4), "03:04:00"),
        (datetime.timedelta(seconds=61), "0:01:01"),
        (uuid.UUID(int=1), "00000000-0000-0000-0000-000000000001"),
        (pathlib.PurePosixPath("/a/b"), "/a/b"),
        (decimal.Decimal("1.50"), "1.50"),
        (fractions.Fraction(1, 3), "1/3"),
        (1 + 2j, "(1+2j)"),
        (re.compile("a+"), "a+"),
        (b"ab", {"$": "bytes", "size": 2, "hash": "fb8e20fc2e4c3f248c60c39bd652f3c1"}),
        (bytearray(b"ab"), {"$": "bytes", "size": 2, "hash": "fb8e20fc2e4c3f248c60c39bd652f3c1"}),
        (memoryview(b"ab"), {"$": "bytes", "size": 2, "hash": "fb8e20fc2e4c3f248c60c39bd652f3c1"}),
        (ValueError("no sk-abcdefghijkl"), {"type": "ValueError", "message": "no [redacted]"}),
        (threading.Lock(), {"$": "object", "type": "_thread.lock"}),
        (object(), {"$": "object", "type": "object"}),
        (io.StringIO("x"), {"$": "object", "type": "_io.StringIO"}),
        (int, {"$": "object", "type": "type", "name": "int"}),
        (
            functools.partial(len),
            {"$": "object", "type": "builtin_function_or_method", "name": "builtins.len"},
        ),
        (re.compile, {"$": "object", "type": "function", "name": "re.compile"}),
        (types, {"$": "object", "type": "module"}),
        (NotImplemented, {"$": "object", "type": "NotImplementedType"}),
    ],
    ids=lambda v: None if type(v) in (str, dict, list) else type(v).__name__,
)
def test_a_value_becomes_data(value, data):
    assert plain(value) == data
    assert plain([value]) == [data]
    assert plain({"k": value}) == {"k": data}


def test_a_database_row_is_its_columns():
    with sqlalchemy.create_engine("sqlite://").connect() as connection:
        rows = connection.execute(sqlalchemy.text("select 1 as n, 'x' as password")).all()

    assert plain(rows) == [{"n": 1, "password": "[redacted]"}]


class TestModels:
    def test_a_pydantic_model_is_its_fields_and_extras(self):
        class Child(pydantic.BaseModel):
            n: int = 1

        class Model(pydantic.BaseModel):
            model_config = pydantic.ConfigDict(extra="allow")
            child: Child = Child()
            key: pydantic.SecretStr = pydantic.SecretStr("x")
            raw: pydantic.SecretBytes = pydantic.SecretBytes(b"x")
            client: object = pydantic.Field(default=3, exclude=True)
            _private: int = pydantic.PrivateAttr(default=7)

            @functools.cached_property
            def twice(self):
                return 2

        model = Model.model_validate({"more": [1]})
        assert model.twice == 2

        assert plain(model) == {
            "child": {"n": 1},
            "key": "[redacted]",
            "raw": "[redacted]",
            "more": [1],
        }

    def test_a_pydantic_model_is_neither_dumped_nor_probed(self):
        class Model(pydantic.BaseModel):
            n: int = 1

            def model_dump(self, *args, **kwargs):
                raise AssertionError

            def __getattr__(self, name):
                raise AssertionError

            def __repr__(self):
                raise AssertionError

            @pydantic.model_serializer
            def serialize(self):
                raise AssertionError

        assert plain(Model()) == {"n": 1}

    def test_a_half_made_pydantic_model_is_what_it_has(self):
        class Model(pydantic.BaseModel):
            n: int
            m: int = 2

        assert plain(Model.model_construct()) == {"m": 2}
        assert plain(Model.__new__(Model)) == {}

    def test_a_pydantic_root_model_is_its_root(self):
        assert plain(pydantic.RootModel[list[int]]([1, 2])) == [1, 2]

    def test_a_pydantic_1_model_is_its_fields(self):
        class Model(pydantic_v1.BaseModel):
            a: int = 1
            api: pydantic_v1.SecretStr = pydantic_v1.SecretStr("x")
            client: int = pydantic_v1.Field(default=3, exclude=True)
            _private: int = pydantic_v1.PrivateAttr(default=7)

            class Config:
                extra = "allow"

        assert plain(Model.parse_obj({"more": 2})) == {"a": 1, "api": "[redacted]", "more": 2}

    def test_a_model_in_itself_is_a_cycle(self):
        class Model(pydantic.BaseModel):
            own: typing.Any = None

        model = Model()
        model.own = {"again": [model]}

        assert plain(model) == {"own": {"again": [{"$": "cycle"}]}}

    def test_a_dataclass_with_a_lock_is_its_fields(self):
        @dataclasses.dataclass
        class Held:
            lock: typing.Any
            password: str
            n: dataclasses.InitVar[int] = 0
            kind: typing.ClassVar[str] = "x"

        assert plain(Held(threading.Lock(), "p")) == {
            "lock": {"$": "object", "type": "_thread.lock"},
            "password": "[redacted]",
        }

    def test_a_dataclass_with_slots_is_its_fields(self):
        @dataclasses.dataclass(slots=True)
        class Slim:
            a: int
            b: list[int] = dataclasses.field(init=False)

        assert plain(Slim(1)) == {"a": 1}

    def test_an_attrs_class_is_its_fields(self):
        attrs = pytest.importorskip("attrs")
        slim = attrs.make_class("Slim", ["a", "token"], slots=True)

        assert plain(slim(1, "x")) == {"a": 1, "token": "[redacted]"}

    def test_a_field_that_cannot_be_read_leaves_the_others(self):
        @dataclasses.dataclass
        class Broken:
            a: int
            b: int = 2

        def fail(self):
            raise OSError

        broken = Broken(1)
        del broken.__dict__["b"]
        setattr(Broken, "b", property(fail))  # noqa: B010 - a type checker knows the field

        data = plain(broken)

        assert data["a"] == 1
        assert data["b"]["error"] == "OSError"


class TestArrays:
    @pytest.mark.parametrize(
        ("value", "data"),
        [
            (np.float32(1.5), 1.5),
            (np.float64(2.5), 2.5),
            (np.int64(3), 3),
            (np.bool_(True), True),
            (np.str_("s"), "s"),
            (np.float64("nan"), "NaN"),
            (np.longdouble(1.25), 1.25),
            (np.datetime64("2026-01-02"), "2026-01-02"),
            (pd.Timestamp("2026-01-02"), "2026-01-02T00:00:00"),
            (pd.NaT, None),
            (pd.NA, None),
        ],
        ids=str,
    )
    def test_a_scalar_is_the_nearest_python_value(self, value, data):
        assert plain({"v": value}) == {"v": data}

    def test_an_array_keeps_its_shape_and_first_values(self):
        assert plain(np.arange(6, dtype="int16").reshape(2, 3)) == {
            "$": "array",
            "shape": [2, 3],
            "dtype": "int16",
            "values": [0, 1, 2, 3, 4, 5],
        }

    def test_a_large_array_is_cut(self):
        data = plain(np.zeros((300, 1_000), dtype="float32"))

        assert data["shape"] == [300, 1_000]
        assert data["values"] == [0.0] * 1_000

    @pytest.mark.parametrize(
        "value",
        [
            np.array([object()]),
            np.array(5),
            np.zeros(2, dtype=[("a", "i4")]),
            np.array(["2026-01-02"], dtype="M8[ns]"),
            np.zeros((0, 3)),
        ],
        ids=lambda v: str(v.dtype),
    )
    def test_an_unusual_array_is_an_array(self, value):
        assert plain(value)["$"] == "array"

    def test_a_hidden_vector_may_be_an_array(self):
        hidden = {"vectors": [np.zeros(99), np.zeros(3)]}

        data = plain(hidden, hide=frozenset({"vectors"}))["vectors"]

        assert data[0] == {"$": "hidden"}
        assert data[1]["values"] == [0.0] * 3

    def test_a_data_frame_keeps_its_head_and_no_secret_columns(self):
        frame = pd.DataFrame({"a": range(100), "password": ["x"] * 100, "f": [0.5] * 100})

        data = plain(frame)

        assert data["$"] == "table"
        assert data["shape"] == [100, 3]
        assert data["columns"] == ["a", "password", "f"]
        assert data["rows"][:2] == [[0, "[redacted]", 0.5], [1, "[redacted]", 0.5]]
        assert len(data["rows"]) == 20

    def test_a_series_is_an_array(self):
        assert plain(pd.Series([1, 2]))["values"] == [1, 2]
        assert plain(pd.Index(["a"]))["values"] == ["a"]

    def test_polars_is_read_like_pandas(self):
        polars = pytest.importorskip("polars")

        assert plain(polars.DataFrame({"a": [1], "token": ["x"]}))["rows"] == [[1, "[redacted]"]]
        assert plain(polars.Series([1.5, None]))["values"] == [1.5, None]

    def test_a_tensor_on_another_device_is_not_waited_for(self):
        class Tensor:
            shape = (2,)
            dtype = "torch.float32"
            device = types.SimpleNamespace(type="cuda")

        Tensor.__module__ = "torch"
        Tensor.__qualname__ = "Tensor"

        assert plain(Tensor()) == {
            "$": "array",
            "shape": [2],
            "dtype": "torch.float32",
            "values": [],
        }


def numbers():
    yield 1


async def anumbers():
    yield 1


async def work():
    return 1


class Iterator:
    def __iter__(self):
        raise AssertionError

    def __next__(self):
        raise AssertionError


@pytest.mark.parametrize(
    ("make", "name"),
    [
        (numbers, "generator"),
        (anumbers, "async_generator"),
        (lambda: iter([1]), "list_iterator"),
        (lambda: map(str, [1]), "map"),
        (lambda: zip([1], [2], strict=True), "zip"),
        (Iterator, f"{__name__}.Iterator"),
    ],
)
def test_an_iterator_is_not_consumed(make, name):
    iterator = make()

    assert plain({"i": iterator, "l": [iterator]}) == {
        "i": {"$": "generator", "type": name},
        "l": [{"$": "generator", "type": name}],
    }
    if hasattr(iterator, "__next__") and not isinstance(iterator, Iterator):
        assert len(list(iterator)) == 1


def test_a_coroutine_is_not_awaited():
    coroutine = work()

    assert plain(coroutine) == {"$": "generator", "type": "coroutine"}

    coroutine.close()


def refuse(*args, **kwargs):
    raise ValueError("hostile")


METHODS = """
__repr__ __str__ __getattr__ __getattribute__ __eq__ __hash__ __bool__ __len__ __iter__ __getitem__
__contains__ __format__ __dir__ __reduce__ __sizeof__ __lt__ __int__ __float__ __index__
__fspath__ __call__ keys items values
"""
HOSTILE = dict.fromkeys(METHODS.split(), refuse)


class Meta(type):
    __eq__ = __hash__ = __getattribute__ = __instancecheck__ = __subclasscheck__ = refuse
    __repr__ = __iter__ = __len__ = __bool__ = __call__ = refuse


def hostile(*bases):
    return type("Hostile", bases, {**HOSTILE, "__module__": "tests"})


def bad(error="ValueError"):
    return {"$": "object", "type": "tests.Hostile", "error": error}


class TestHostile:
    def test_an_object_that_refuses_everything_is_a_placeholder(self):
        value = object.__new__(hostile(object))

        assert plain([1, value, {"k": value, "n": 2}]) == [
            1,
            {"$": "object", "type": "tests.Hostile"},
            {"k": {"$": "object", "type": "tests.Hostile"}, "n": 2},
        ]

    @pytest.mark.parametrize(
        "base",
        [dict, list, collections.abc.Mapping, collections.abc.Sequence, set, collections.deque],
    )
    def test_a_collection_that_refuses_loses_only_itself(self, base):
        cls = hostile(base)
        value = base.__new__(cls)

        assert plain({"a": 1, "bad": value, "z": [value, 2]}) == {
            "a": 1,
            "bad": bad(),
            "z": [bad(), 2],
        }

    @pytest.mark.parametrize(("base", "data"), [(str, ""), (int, 0), (float, 0.0)])
    def test_a_scalar_that_refuses_is_its_value(self, base, data):
        value = base.__new__(hostile(base))

        assert plain([value, {"k": value}]) == [data, {"k": data}]
        assert type(plain(value)) is base

    def test_a_class_of_a_hostile_metaclass_is_no_trouble(self):
        cls = type.__new__(Meta, "Odd", (), {"__module__": "tests"})
        value = object.__new__(cls)

        assert plain([value, cls, {"k": value}]) == [
            {"$": "object", "type": "tests.Odd"},
            {"$": "object", "type": "type", "name": "tests.Odd"},
            {"k": {"$": "object", "type": "tests.Odd"}},
        ]
        assert len(plain([0.5] * 99 + [value])) == 100

    def test_a_class_of_no_proper_module_has_a_name(self):
        cls = type("Nowhere", (), {"__module__": 5})

        assert plain(cls())["type"] == "Nowhere"

    def test_an_object_that_claims_another_class_is_not_believed(self):
        cls = type("Liar", (), {"__class__": property(lambda self: dict), "__module__": "tests"})

        assert plain(cls()) == {"$": "object", "type": "tests.Liar"}

    def test_an_object_that_answers_to_everything_is_not_asked(self):
        cls = type("Yes", (), {"__getattr__": lambda self, name: self, "__module__": "tests"})

        assert plain([cls(), cls]) == [
            {"$": "object", "type": "tests.Yes"},
            {"$": "object", "type": "type", "name": "tests.Yes"},
        ]

    @pytest.mark.parametrize("pairs", [5, [1], [(1, 2, 3)], [([], 1)], None])
    def test_items_that_are_no_pairs_are_refused(self, pairs):
        cls = type("Hostile", (dict,), {"items": lambda self: pairs, "__module__": "tests"})

        data = plain({"a": 1, "bad": cls(x=1)})

        assert data["a"] == 1
        assert data["bad"]["$"] == "object"
        assert data["bad"]["error"] in {"TypeError", "ValueError"}

    def test_a_mapping_without_end_is_cut(self):
        def endless(self):
            number = 0
            while True:
                yield str(number), number
                number += 1

        cls = type("Endless", (dict,), {"items": endless, "__len__": refuse})

        data = plain(cls())

        assert len(data) == 1_001
        assert data["…"] == {"$": "more", "count": 1}

    def test_a_hostile_key_leaves_the_rest(self):
        class Key:
            __str__ = __repr__ = refuse
            __module__ = "tests"
            __qualname__ = "Key"

        assert plain({"a": 1, Key(): 2, Key(): 3, "b": 4}) == {
            "a": 1,
            "tests.Key": 2,
            "tests.Key (2)": 3,
            "b": 4,
        }

    def test_an_exception_whose_text_raises_is_kept(self):
        cls = type("Odd", (ValueError,), {"__str__": refuse, "__module__": "tests"})

        assert plain([cls()])[0]["type"] == "tests.Odd"


class TestRegister:
    @pytest.fixture(autouse=True)
    def forget(self, monkeypatch):
        monkeypatch.setattr(readers, "_converters", {})
        readers._readers.clear()
        yield
        readers._readers.clear()

    def test_a_converter_reads_a_class_and_its_subclasses(self):
        class Message:
            def __init__(self, text):
                self.text = text

        class Reply(Message):
            pass

        assert plain(Reply("x"))["$"] == "object"

        register(Message, lambda m: {"role": type(m).__name__, "content": m.text})

        assert plain([Message("a"), Reply({1})]) == [
            {"role": "Message", "content": "a"},
            {"role": "Reply", "content": [1]},
        ]

    def test_the_nearest_converter_is_used(self):
        class Message:
            pass

        class Reply(Message):
            pass

        register(Message, lambda m: "message")
        register(Reply, lambda m: "reply")

        assert plain([Message(), Reply()]) == ["message", "reply"]

    def test_a_converter_goes_before_everything_else(self):
        class Data(dict):
            pass

        register(Data, lambda d: "mine")

        assert plain(Data(a=1)) == "mine"

    def test_a_converter_that_raises_loses_only_its_object(self):
        class Message:
            __module__ = "tests"
            __qualname__ = "Hostile"

        register(Message, refuse)

        assert plain({"a": 1, "m": [Message(), 2]}) == {"a": 1, "m": [bad(), 2]}

    def test_a_converter_that_returns_its_argument_is_a_cycle(self):
        class Message:
            pass

        register(Message, lambda m: m)

        assert plain(Message()) == {"$": "cycle"}

    def test_a_converter_that_never_arrives_is_stopped(self):
        class Message:
            pass

        register(Message, lambda m: [Message()])

        assert "depth" in str(plain(Message()))

    def test_secrets_in_what_a_converter_returns_are_redacted(self):
        class Message:
            pass

        register(Message, lambda m: {"token": "x"})

        assert plain(Message()) == {"token": "[redacted]"}


def test_nothing_keeps_what_passed_the_gate():
    gate = Gate(Settings())
    cls = type("Passing", (), {})
    value = cls()
    seen = weakref.ref(value), weakref.ref(cls)
    gate.plain({"v": [value]}, "input")

    del value, cls
    gc.collect()

    assert [ref() for ref in seen] == [None, None]
