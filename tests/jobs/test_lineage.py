"""A fork keeps the checkpoint it started from, and a run's surroundings are known: app/jobs/lineage.py, app/jobs/provenance.py."""

import json
import shutil

import numpy as np
import pytest

from app.core.errors import CheckpointDamaged, Missing
from app.jobs import lineage
from app.jobs.provenance import provenance
from app.store import checkpoints, runs
from app.store.database import Store
from app.training.checkpoints import write_checkpoint

NEW = {"algorithm": "q_learning", "environment": "FrozenLake-v1", "config": {}, "seed": 0, "total_steps": 10}


@pytest.fixture
def store(tmp_path):
    store = Store(tmp_path)
    yield store
    store.close()


def parent_with_checkpoint(store):
    def work(connection):
        run = runs.create(connection, runs.RunNew(**NEW))
        row = {"id": "5-auto-1", "step": 5, "kind": "auto", "size_bytes": 3}
        checkpoints.add(connection, run, attempt=0, checkpoint=row)
        return run

    run = store.writer.do(work)
    folder = store.run_folder(run) / "checkpoints" / "5-auto-1"
    folder.mkdir(parents=True)
    (folder / "manifest.json").write_text("{}")
    return run


def fork(store, parent, checkpoint):
    new = runs.RunNew(**NEW, parent_run=parent, parent_checkpoint=checkpoint)
    return store.writer.do(lambda connection: lineage.insert(store, connection, new))


def test_a_fork_survives_the_deletion_of_its_parents_files(store):
    parent = parent_with_checkpoint(store)
    child = fork(store, parent, "5-auto-1")
    lineage.remove_files(store, parent)
    assert not store.run_folder(parent).exists()
    kept = lineage.parent_checkpoint_folder(store.run_folder(child), "5-auto-1")
    assert (kept / "manifest.json").read_text() == "{}"


def test_a_fork_from_nothing_is_refused_and_creates_nothing(store):
    parent = parent_with_checkpoint(store)
    with pytest.raises(Missing):
        fork(store, parent, "6-auto-2")
    lineage.remove_files(store, parent)
    with pytest.raises(Missing):
        fork(store, parent, "5-auto-1")
    with store.read() as connection:
        assert runs.queued(connection) == [parent]


def test_the_configuration_of_a_checkpoint_is_that_of_its_manifest(store):
    parent = parent_with_checkpoint(store)
    folder = store.run_folder(parent) / "checkpoints" / "5-auto-1"
    shutil.rmtree(folder)
    write_checkpoint(folder, {"w": np.zeros(1)}, {"config": {"alpha": 0.25}})
    with store.read() as connection:
        assert lineage.configs_of(store, connection, parent, checkpoint="5-auto-1")[0] == {"alpha": 0.25}
        with pytest.raises(Missing):
            lineage.configs_of(store, connection, parent, checkpoint="6-auto-2")
        manifest = folder / "manifest.json"
        manifest.write_text(manifest.read_text().replace("0.25", "0.75"))
        with pytest.raises(CheckpointDamaged, match="another checkpoint"):
            lineage.configs_of(store, connection, parent, checkpoint="5-auto-1")


def test_the_newest_checkpoint_has_the_most_steps_then_the_highest_number():
    names = ["9-auto-1", "10-auto-2", "10-final-4", "2-best-3", "10-requested-3"]
    known = [{"id": name, "step": int(name.split("-")[0])} for name in names]
    assert max(known, key=lineage.age)["id"] == "10-final-4"


def test_provenance_names_versions_and_machine_and_is_json():
    facts = provenance({"algorithm": "q_learning"})
    assert json.loads(json.dumps(facts)) == facts
    assert {"python", "os", "cpu", "cores", "threads", "lock", "packages", "recipe", "sources"} <= facts.keys()
    assert {"numpy", "torch", "numba"} <= facts["packages"].keys()
    assert facts["recipe"] != provenance({"algorithm": "dqn"})["recipe"]
