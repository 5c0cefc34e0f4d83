"""The cache rule: a step runs if, and only if, something that it depends on changed."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from lite_mlops.data.sources import FileState
from lite_mlops.pipelines.cache import gather
from lite_mlops.pipelines.files import Files
from lite_mlops.pipelines.steps import Later, ParamFile, Step
from lite_mlops.project import Project
from lite_mlops.settings import FILE_NAME

# Four steps in the shape of a diamond; each is a line of shell that notes that it ran.
INPUTS = {"a": ["raw0"], "b": ["a.out", "raw1"], "c": ["a.out"], "d": ["b.out", "c.out", "more/*"]}
PARAMS = {"a": [], "b": ["x"], "c": ["x", "y"], "d": []}


class Model:
    """What a pipeline should do: the naive rule, over the contents of everything."""

    def __init__(self) -> None:
        self.seen: dict[str, dict[tuple[object, ...], str]] = {name: {} for name in INPUTS}

    def run(
        self, raw: dict[str, str], params: dict[str, int], suffix: dict[str, str]
    ) -> tuple[list[str], dict[str, str]]:
        """Return which steps run, and what every output holds afterwards."""
        made, ran = dict(raw), []
        for name, inputs in INPUTS.items():
            read = []
            for path in inputs:
                if path == "more/*":
                    read += [(key, made[key]) for key in sorted(made) if key.startswith("more/")]
                else:
                    read.append((path, made[path]))
            told = [(key, params[key]) for key in PARAMS[name]]
            depends = (tuple(read), tuple(told), suffix[name])
            if depends not in self.seen[name]:
                ran.append(name)
                text = "".join(text for _, text in read)
                values = "".join(f"{key}={value};" for key, value in told)
                self.seen[name][depends] = f"{text}{values}{suffix[name]}"
            made[f"{name}.out"] = self.seen[name][depends]
        return ran, made


class Pipeline(RuleBasedStateMachine):
    """A real pipeline and the model of it, changed and run together."""

    def __init__(self) -> None:
        super().__init__()
        self._folder = TemporaryDirectory()
        self.root = Path(self._folder.name)
        self.project = Project(self.root, capture_code=False, capture_environment=False)
        self.model = Model()
        self.raw = {"raw0": "0", "raw1": "1", "more/p": "p"}
        self.params = {"x": 1, "y": 1}
        self.suffix = dict.fromkeys(INPUTS, "-")
        (self.root / "more").mkdir()
        for name, text in self.raw.items():
            (self.root / name).write_text(text)
        self._write_tables()
        self.ran_once = False

    def teardown(self) -> None:
        self.project.close()
        self._folder.cleanup()

    def _write_tables(self) -> None:
        text = "[params]\n" + "".join(f"{key} = {value}\n" for key, value in self.params.items())
        for name, inputs in INPUTS.items():
            values = "".join(f"{key}={{{key}}};" for key in PARAMS[name])
            files = " ".join(inputs)
            command = (
                f"cat {files} > {name}.out; printf '%s' '{values}{self.suffix[name]}' "
                f">> {name}.out; echo {name} >> log"
            )
            text += (
                f'[[step]]\nname = "{name}"\ncommand = "{command}"\ninputs = {inputs}\n'
                f'outputs = ["{name}.out"]\nparams = {PARAMS[name]}\n'
            )
        (self.root / FILE_NAME).write_text(text)

    @rule(name=st.sampled_from(["raw0", "raw1", "more/p", "more/q"]), text=st.sampled_from("uv"))
    def change_input(self, name: str, text: str) -> None:
        self.raw[name] = text
        (self.root / name).write_text(text)

    @precondition(lambda self: "more/q" in self.raw)
    @rule()
    def remove_input(self) -> None:
        del self.raw["more/q"]
        (self.root / "more/q").unlink()

    @rule(name=st.sampled_from("xy"), value=st.integers(1, 2))
    def change_param(self, name: str, value: int) -> None:
        self.params[name] = value
        self._write_tables()

    @rule(name=st.sampled_from(sorted(INPUTS)), text=st.sampled_from("-+"))
    def change_command(self, name: str, text: str) -> None:
        self.suffix[name] = text
        self._write_tables()

    @rule(name=st.sampled_from(["raw0", "a.out"]))
    def touch(self, name: str) -> None:
        if (self.root / name).exists():
            os.utime(self.root / name)

    @rule(name=st.sampled_from(sorted(INPUTS)), how=st.sampled_from(["remove", "alter"]))
    def harm_output(self, name: str, how: str) -> None:
        path = self.root / f"{name}.out"
        path.unlink(missing_ok=True)
        if how == "alter":
            path.write_text("harm")

    @rule()
    def run(self) -> None:
        ran, made = self.model.run(self.raw, self.params, self.suffix)
        report = self.project.pipelines.run(jobs=1)
        log = self.root / "log"
        assert sorted(report.ran) == sorted(ran)
        assert sorted(log.read_text().split() if log.exists() else []) == sorted(ran)
        log.unlink(missing_ok=True)
        for name in INPUTS:
            assert (self.root / f"{name}.out").read_text() == made[f"{name}.out"]
        assert {one.state for one in self.project.pipelines.status()} == {"up to date"}

    @invariant()
    def status_agrees(self) -> None:
        """What would run first is told; what stands on it waits."""
        states = {one.step: one.state for one in self.project.pipelines.status()}
        seen = {name: dict(found) for name, found in self.model.seen.items()}
        ran, _ = self.model.run(self.raw, self.params, self.suffix)
        self.model.seen = seen
        running = {name for name, state in states.items() if state == "run"}
        assert running <= set(ran)
        assert bool(running) == bool(ran)


TestPipeline = Pipeline.TestCase
TestPipeline.settings = settings(max_examples=8, stateful_step_count=12)


# -- keys ----------------------------------------------------------------------------------------

PATHS = st.sampled_from(["a", "b", "c/d"])
VALUES = st.one_of(st.none(), st.booleans(), st.integers(-2, 2), st.text(max_size=3))
STEPS = st.builds(
    Step,
    name=st.just("s"),
    command=st.sampled_from(["run", "run it", ("run", "it")]),
    inputs=st.lists(PATHS, unique=True).map(tuple),
    outputs=st.lists(st.sampled_from(["x", "y"]), unique=True).map(tuple),
    params=st.dictionaries(st.sampled_from("pq"), VALUES),
    folder=st.sampled_from(["", "c"]),
)
CONTENTS = st.fixed_dictionaries(
    {path: st.sampled_from(["", "1", "2"]) for path in ("a", "b", "c/d")}
)


@contextmanager
def files_of(contents: dict[str, str]) -> Iterator[Files]:
    with TemporaryDirectory() as folder:
        root = Path(folder)
        (root / "c").mkdir()
        for path, text in contents.items():
            (root / path).write_text(text)
        yield Files(root, root / "cache")


def meaning(step: Step, contents: dict[str, str]) -> object:
    """All that a step depends on, as values that compare as they should."""
    params = {name: (type(value), value) for name, value in step.params.items()}
    read = {path: contents[path] for path in step.inputs}
    return step.command, step.folder, read, sorted(step.outputs), params


@given(STEPS, CONTENTS, STEPS, CONTENTS)
def test_keys_are_equal_if_and_only_if_everything_is(
    step: Step, contents: dict[str, str], other: Step, others: dict[str, str]
) -> None:
    with files_of(contents) as files, files_of(others) as other_files:
        same = gather(step, files, {}).key == gather(other, other_files, {}).key
    assert same == (meaning(step, contents) == meaning(other, others))


@given(STEPS, CONTENTS)
def test_a_key_does_not_hang_on_the_place_or_the_order(
    step: Step, contents: dict[str, str]
) -> None:
    turned = Step(
        name="other",
        command=step.command,
        inputs=step.inputs[::-1],
        outputs=step.outputs[::-1],
        params=dict(reversed([*step.params.items()])),
        folder=step.folder,
    )
    with files_of(contents) as files, files_of(contents) as other_files:
        assert gather(step, files, {}).key == gather(turned, other_files, {}).key


OLD = 1_000_000_000_000_000_000  # long ago, in nanoseconds


@given(st.lists(st.sampled_from(["content", "time", "inode", "size"]), max_size=4))
def test_files_are_read_only_if_they_may_have_changed(changes: list[str]) -> None:
    with files_of({"a": "0", "b": "1", "c/d": "2"}) as files:
        path, now = files.root / "a", OLD
        os.utime(path, ns=(now, now))
        files.hash_of("a")
        files.save()
        for change in changes:
            now += 1_000
            if change in ("inode", "size"):
                path.unlink()
                (files.root / "new").write_text("x" if change == "inode" else "xx")
                (files.root / "new").rename(path)
            elif change == "content":
                path.write_text("y")
            os.utime(path, ns=(now, now))
        read: list[str] = []
        again = Files(files.root, files.root / "cache")
        learn = again.learn

        def noted(key: str, state: FileState, sha256: str, moment: int) -> None:
            read.append(key)
            learn(key, state, sha256, moment)

        again.learn = noted  # type: ignore[method-assign]
        assert again.hash_of("a") == hashlib.sha256(path.read_bytes()).hexdigest()
        assert read == (["a"] if changes else [])


def test_a_missing_file_of_params_holds_nothing(tmp_path: Path) -> None:
    files = Files(tmp_path, tmp_path / "cache")
    step = Step("s", command="x", param_files=(ParamFile("p.json", ("a.b", "c.0")),))
    assert gather(step, files, {}).params == {"p.json:a.b": None, "p.json:c.0": None}
    (tmp_path / "p.json").write_text('{"a": {"b": [1]}, "c": ["first"]}')
    assert gather(step, files, {}).params == {"p.json:a.b": [1], "p.json:c.0": "first"}
    (tmp_path / "p.toml").write_text("[a]\nb = 2\n")
    step = Step("s", command="x", param_files=(ParamFile("p.toml", ("a.b",)),))
    assert gather(step, files, {}).params == {"p.toml:a.b": 2}


def test_a_later_value_is_a_part_of_a_value() -> None:
    assert Later("s", (1, "k")).of([0, {"k": 5}]) == 5
