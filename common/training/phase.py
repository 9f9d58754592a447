"""One phase of a training: epochs at one picture size, each scored on the validation rows and kept for a resume."""

import math
import time
from collections.abc import Iterator

from common.progress import track
from common.randomness import torch_seed
from common.training.checkpoint import Checkpoint, restore_optimizer, save_checkpoint
from common.training.data import Batch, View, micro_batches, steps_of
from common.training.epoch import Learner, train_epoch
from common.training.history import speed, told
from common.training.memory import forget_peak, peak_memory_bytes
from common.training.micro_batch import MicroBatchSizes, within_budget
from common.training.optimizer import make_optimizer
from common.training.run import Run, snapshot_files
from common.training.schedule import Phase, rate_share, snapshot_epochs
from common.training.snapshots import save_weights


def run_phase(run: Run, phase: Phase, sizes: MicroBatchSizes) -> None:
    """Train the epochs of the phase that are not done yet.

    The optimiser begins anew with the phase, as the learning rate does.
    """
    task, options, accelerator = run.task, run.task.options, run.accelerator
    training, validation = task.training.at(phase.image_size_px), task.validation.at(phase.image_size_px)
    size = sizes.begin(phase, lambda share: within_budget(task, run.network, training, accelerator, share))
    learner = learner_of(run, phase)
    _print_batches(run, phase, size)
    forget_peak(accelerator.device)
    for epoch in range(run.epochs_done, phase.end):
        begin = time.perf_counter()
        # Dropout and stochastic depth draw from torch's global generator: each epoch has its own.
        with torch_seed(task.seed, "train", epoch, accelerator.process_index, device=accelerator.device):
            batches = track(
                batches_of(run, training, epoch, size),
                f"epoch {epoch + 1}/{run.epochs}",
                run.rows_an_epoch // accelerator.num_processes,
                "images",
                _rows,
                summary=False,
            )
            before = (epoch - phase.first_epoch) * run.steps_an_epoch

            def rate_of(step: int, before: int = before) -> float:
                return options.learning_rate * rate_share(options, phase, before + step, run.steps_an_epoch)

            with run.activations.recorded(epoch + 1, _batches_an_epoch(run, size)):
                train_loss, rate = train_epoch(learner, task, batches, epoch, rate_of)
        took = speed(run.rows_an_epoch, time.perf_counter() - begin)

        with run.averaged.applied(run.network):
            run.predictions = run.predict(validation, size)
            _keep_snapshot(run, epoch + 1)
        run.history.append(
            {
                "epoch": epoch + 1,
                "image_size_px": phase.image_size_px,
                "learning_rate": rate,
                "train_loss": train_loss,
                **task.score(run.predictions),
                **took,
                "peak_memory_bytes": peak_memory_bytes(accelerator.device),
            }
        )
        accelerator.print(told(run.history[-1], run.epochs))
        _keep_checkpoint(run, learner)
    accelerator.unwrap_model(learner.model, keep_fp32_wrapper=False)
    accelerator.free_memory()


def batches_of(run: Run, training: View, epoch: int, micro_batch_size: int) -> Iterator[Batch]:
    """This process's micro-batches of an epoch."""
    options, accelerator = run.task.options, run.accelerator
    drawn = training.drawn(run.sampling.epoch(epoch))
    return micro_batches(
        drawn,
        steps_of(len(drawn), options.effective_batch_size),
        micro_batch_size,
        options.augmentation,
        run.task.seed,
        ("train", epoch),
        run.task.hardware.loader_workers,
        accelerator.process_index,
        accelerator.num_processes,
        options.mixing,
        device=accelerator.device,
    )


def learner_of(run: Run, phase: Phase) -> Learner:
    """The network with an optimiser: a new one, or that of the checkpoint where it was made within this phase."""
    optimizer = make_optimizer(run.network, run.task.options)
    if run.checkpoint and run.epochs_done > phase.first_epoch:
        restore_optimizer(optimizer, run.checkpoint.optimizer)
    model, optimizer = run.accelerator.prepare(run.network, optimizer)
    return Learner(run.network, model, optimizer, run.averaged, run.accelerator)


def _keep_snapshot(run: Run, epochs_done: int) -> None:
    """At the end of a cycle, before the checkpoint that counts on it."""
    if epochs_done in snapshot_epochs(run.task.options) and run.accelerator.is_main_process:
        for path in snapshot_files(run.task, epochs_done)[-1:]:
            save_weights(path, run.network)


def _keep_checkpoint(run: Run, learner: Learner) -> None:
    if not run.accelerator.is_main_process:
        return
    scaler = run.accelerator.scaler
    state = Checkpoint(
        epochs_done=run.epochs_done,
        history=run.history,
        scale=scaler.state_dict() if scaler else {},
        weights=run.network.state_dict(),
        averaged=run.averaged.tensors,
        optimizer=learner.optimizer.state_dict(),
    )
    run.activations.keep()
    save_checkpoint(run.task.checkpoint_path, state)


def _batches_an_epoch(run: Run, micro_batch_size: int) -> int:
    """Micro-batches of this process."""
    share = run.task.options.effective_batch_size / run.accelerator.num_processes
    return run.steps_an_epoch * max(1, math.ceil(share / micro_batch_size))


def _print_batches(run: Run, phase: Phase, size: int) -> None:
    options, processes = run.task.options, run.accelerator.num_processes
    run.accelerator.print(
        f"{phase.name}: {run.rows_an_epoch:,} rows and {run.steps_an_epoch} steps an epoch; effective batch size "
        f"{options.effective_batch_size} = {processes} process(es) x "
        f"{-(-options.effective_batch_size // (size * processes))} micro-batch(es) of up to "
        f"{-(-min(size * processes, options.effective_batch_size) // processes)} on {run.accelerator.device}"
    )


def _rows(batch: Batch) -> int:
    return len(batch.rows)
