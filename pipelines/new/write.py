"""Write a new competition: its folder, its test and its stage at the root, all of them or none."""

from pathlib import Path

from ruamel.yaml.comments import CommentedMap, CommentedSeq
from ruamel.yaml.scalarstring import PlainScalarString

from common import yaml_text
from common.errors import UsageError
from common.files import remove, replacing, write_text
from pipelines.new.draft import Draft
from pipelines.workspace import competition_names


def require_free(root: Path, name: str) -> None:
    """Raise UsageError where a competition cannot be called so, or already is."""
    if not name.isidentifier() or name != name.lower() or name.startswith("_"):
        raise UsageError(
            f"'{name}': use small letters, digits and _, as in leaf_disease (it names a folder and a stage)"
        )
    for path in (root / "competitions" / name, _test_path(root, name)):
        if path.exists():
            raise UsageError(f"{path} is there already; choose another name, or delete it first")


def write_competition(root: Path, name: str, draft: Draft) -> None:
    """Write all of `draft`; after an error nothing of it is there, and the root's dvc.yaml is as it was."""
    stages = root / "dvc.yaml"
    before = stages.read_text(encoding="utf-8")
    folder, test = root / "competitions" / name, _test_path(root, name)
    try:
        with replacing(folder) as beside:
            for path, text in {**draft.files, **_files_of_any(root, name)}.items():
                (beside / path).parent.mkdir(parents=True, exist_ok=True)
                (beside / path).write_text(text, encoding="utf-8", newline="\n")
        write_text(test, draft.test)
        write_text(stages, with_stage(before, name))
    except BaseException:
        remove(folder)
        remove(test)
        if stages.read_text(encoding="utf-8") != before:
            write_text(stages, before)
        raise


def with_stage(text: str, name: str) -> str:
    """The root's dvc.yaml with a stage for one more competition; comments and the rest stay."""
    document = yaml_text.load(text, "dvc.yaml")
    deps = CommentedSeq([f"competitions/{name}/report/index.html"])
    deps.fa.set_flow_style()
    done = PlainScalarString(f'echo "{name} is up to date; podium show {name} prints the result"')
    document["stages"][name] = CommentedMap({"cmd": done, "deps": deps})
    return yaml_text.dump(document, like=text)


def _test_path(root: Path, name: str) -> Path:
    return root / "tests" / "competitions" / f"test_{name}.py"


def _files_of_any(root: Path, name: str) -> dict[str, str]:
    """What is alike in all competitions but for the name: the stages, and the folders that wait for files."""
    like = root / "competitions" / competition_names(root)[0]
    stages = (like / "dvc.yaml").read_text(encoding="utf-8")
    stages = stages.replace(f"vars: [{{name: {like.name}}}]", f"vars: [{{name: {name}}}]")
    stages = stages.replace(f"`dvc repro {like.name}`", f"`dvc repro {name}`")
    return {"dvc.yaml": stages, **{f"{path.parent.name}/.gitkeep": "" for path in like.glob("*/.gitkeep")}}
