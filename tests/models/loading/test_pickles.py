"""The pickle machine against Python's own, and against anything."""

from __future__ import annotations

import io
import pickle
import random
from contextlib import suppress
from importlib import import_module
from typing import Any

import joblib
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays, scalar_dtypes
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from lite_mlops.errors import LiteMlopsError
from lite_mlops.models.loading.constructing import Construction
from lite_mlops.models.loading.listing import pickle_imports
from lite_mlops.models.loading.trust import shipped, untrusted
from tests.models.loading.estimators import FRAME, LABELS, ROWS, WORDS
from tests.models.loading.hostile import joblib_bytes

PLAIN = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False)
    | st.text()
    | st.binary()
    | st.complex_numbers(allow_nan=False),
    lambda inner: (
        st.lists(inner)
        | st.tuples(inner, inner)
        | st.dictionaries(st.text() | st.integers(), inner)
        | st.sets(st.integers() | st.text())
        | st.frozensets(st.integers() | st.text())
    ),
    max_leaves=20,
)


def loaded(data: bytes, trusted: Any = ()) -> Any:
    view = memoryview(data)
    listed = pickle_imports(view)
    assert not untrusted(listed, trusted)
    return Construction(view, trusted=trusted).run()


@given(PLAIN, st.integers(0, 5))
def test_plain_objects_come_back(value: Any, protocol: int) -> None:
    assert loaded(pickle.dumps(value, protocol)) == value


@given(arrays(scalar_dtypes(), array_shapes(min_dims=0, min_side=0)), st.sampled_from("CF"))
def test_arrays_come_back(values: Any, order: str) -> None:
    values = np.asarray(values, order=order)  # type: ignore[call-overload]
    for data in (joblib_bytes([values]), *(pickle.dumps([values], n) for n in range(6))):
        (again,) = loaded(data)
        (theirs,) = joblib.load(io.BytesIO(data))
        assert again.dtype == theirs.dtype
        assert again.shape == theirs.shape
        assert again.tobytes() == theirs.tobytes()
        assert again.flags.f_contiguous == theirs.flags.f_contiguous
        assert again.flags.writeable


@pytest.mark.parametrize(
    "values",
    [
        np.array(["a", None, 1.5], dtype=object),
        np.array([[1, "x"], [2, "y"]], dtype=object),
        np.array([(1, 2.5), (3, 4.5)], dtype=[("a", "i4"), ("b", "f8")]),
        np.array([(1, "x")], dtype=[("a", "i1"), ("b", "O")]),
        np.zeros(2, np.dtype([("a", "i1"), ("b", "f8", (2, 2))], align=True)),
        np.array(["2026-01-01"], "M8[D]"),
        np.array([5], "m8[25s]"),
        np.array(["ab", "c"]),
        np.array([b"ab", b"c"]),
        np.ma.masked_array([1.0, 2.0], [True, False]),
        np.zeros((0, 3)),
        np.zeros((3, 0), order="F"),
    ],
    ids=str,
)
def test_special_arrays_come_back(values: Any) -> None:
    for data in (joblib_bytes([values]), *(pickle.dumps([values], n) for n in (2, 4, 5))):
        (again,) = loaded(data)
        assert again.dtype == values.dtype
        assert again.shape == values.shape
        assert np.array_equal(np.ma.getdata(again), np.ma.getdata(values))


def test_objects_that_are_shared_stay_shared() -> None:
    inner = [1]
    rows = np.arange(3.0)
    one, other, first, second = loaded(joblib_bytes([inner, inner, rows, rows]))
    assert one is other
    assert first.tolist() == second.tolist() == [0.0, 1.0, 2.0]


def test_big_endian_arrays_become_native() -> None:
    (again,) = loaded(joblib_bytes([np.arange(3, dtype=">f8")]))
    assert again.dtype.isnative
    assert again.tolist() == [0, 1, 2]


# -- anything -----------------------------------------------------------------------------------

SEEDS = [
    joblib_bytes(make_pipeline(StandardScaler(), LogisticRegression()).fit(ROWS, LABELS)),
    joblib_bytes(RandomForestClassifier(2, max_depth=3).fit(ROWS, WORDS)),
    pickle.dumps(StandardScaler().fit(ROWS), 2),
    joblib_bytes(FRAME.head(3).drop(columns="kind")),
]
ALLOWED = {name.partition(":")[0] for name in shipped()}


def survives(data: bytes) -> None:
    """Nothing but our errors comes out, and no name is looked up that is not listed."""
    view = memoryview(data)
    with suppress(LiteMlopsError):
        if not untrusted(pickle_imports(view)):
            Construction(view).run()


@pytest.fixture
def only_listed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Importing anything for a file that is not on the list fails the test."""

    def checked(name: str) -> Any:
        assert name in ALLOWED or name.startswith("numpy._core.")
        return import_module(name)

    monkeypatch.setattr("lite_mlops.models.loading.constructing.import_module", checked)


@pytest.mark.usefixtures("only_listed")
@given(st.binary(max_size=300))
def test_random_bytes(data: bytes) -> None:
    survives(data)
    survives(b"\x80\x04" + data)


OPCODES = st.lists(
    st.sampled_from(
        [
            b"(", b")", b"]", b"}", b"t", b"e", b"u", b"R", b"\x81", b"\x92", b"b", b"\x93",
            b"\x94", b"h\x00", b"h\x01", b"0", b"2", b"N", b"\x85", b"\x86", b"\x87", b"\x90",
            b"\x91", b"\x8f", b"K\x05", b"a", b"s", b"1", b"l", b"d",
            b"cnumpy\nndarray\n", b"cnumpy\ndtype\n", b"X\x02\0\0\0f8", b"C\x01b",
            b"cnumpy._core.multiarray\n_reconstruct\n", b"cbuiltins\nset\n", b"cbuiltins\nrange\n",
            b"ccollections\ndeque\n", b"cnumpy._core.multiarray\nscalar\n",
            b"csklearn.linear_model._base\nLinearRegression\n", b"csklearn.tree._tree\nTree\n",
            b"cjoblib.numpy_pickle\nNumpyArrayWrapper\n", b"cbuiltins\neval\n",
            b"cnumpy._core.numeric\n_frombuffer\n", b"csklearn.neighbors._kd_tree\nnewObj\n",
        ]
    ),
    max_size=25,
)  # fmt: skip


@pytest.mark.usefixtures("only_listed")
@given(OPCODES)
def test_random_opcodes(parts: list[bytes]) -> None:
    survives(b"\x80\x04" + b"".join(parts) + b".")


@pytest.mark.usefixtures("only_listed")
@pytest.mark.parametrize("seed", range(len(SEEDS)))
def test_mutated_files(seed: int) -> None:
    chance = random.Random(seed)
    whole = SEEDS[seed]
    for _ in range(150):
        data = bytearray(whole)
        for _ in range(chance.choice((1, 1, 2, 5, 20))):
            place = chance.randrange(len(data))
            kind = chance.randrange(4)
            if kind == 0:
                data[place] ^= 1 << chance.randrange(8)
            elif kind == 1:
                data[place] = chance.randrange(256)
            elif kind == 2:
                del data[place : place + chance.randrange(1, 9)]
            else:
                data[place:place] = data[: chance.randrange(9)]
        survives(bytes(data))


@pytest.mark.parametrize("seed", range(len(SEEDS)))
def test_truncated_files(seed: int) -> None:
    whole = SEEDS[seed]
    places = {*range(0, len(whole), max(1, len(whole) // 150)), *range(len(whole) - 10, len(whole))}
    for place in places:
        with pytest.raises(LiteMlopsError):
            loaded(whole[:place])


def test_the_list_holds_nothing_that_runs_code() -> None:
    banned = {"os", "posix", "subprocess", "sys", "shutil", "socket", "importlib", "operator"}
    banned |= {"functools", "types", "code", "codecs", "_codecs", "pickle", "joblib", "runpy"}
    words = set("eval exec compile open getattr setattr type __import__ vars input load".split())
    for name in shipped():
        module, _, attribute = name.partition(":")
        assert module.partition(".")[0] not in banned, name
        assert attribute not in words, name
        assert "." not in attribute, name
        assert not module.startswith(("scipy.stats", "numpy.f2py", "numpy.testing")), name
        assert "*" not in name


def test_the_shipped_names_can_be_imported() -> None:
    from lite_mlops.models.loading.constructing import _resolve

    for name in shipped():
        assert _resolve(name) is not None, name
