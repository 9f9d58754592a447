"""The training: phase after phase in micro-batches that fit, and the weights that are left at the end."""

import time

import torch
from accelerate import Accelerator
from accelerate.utils.memory import should_reduce_batch_size

from common.errors import StartAgain, UsageError
from common.training.frozen import frozen_body
from common.training.history import phase_figures, phase_told, scores_told, speed, told
from common.training.micro_batch import MicroBatchSizes
from common.training.phase import batches_of, run_phase
from common.training.predict import mean_predictions
from common.training.refusals import refuse_constant, too_large_for_memory
from common.training.run import Run, snapshot_files, start
from common.training.schedule import phases_of
from common.training.snapshots import each_loaded, load_mean, measure_batch_norm
from common.training.task import Fit, Task, learned_targets, sampling_of


def fit(task: Task) -> Fit:
    """Train, and score the validation rows after each epoch.

    An interrupted training goes on from its last epoch and ends with the same weights. A micro-batch that is
    too large for the device is halved, and the epoch begun again; of several processes, one that runs out of
    memory leaves the others waiting in the middle of a step, so that it raises StartAgain.

    Raises PodiumError where the loss is not finite, or where every row gets the same prediction.
    """
    accelerator = task.hardware.accelerator(task.options.precision)
    processes, effective = accelerator.num_processes, task.options.effective_batch_size
    rows_a_step = min(effective, sampling_of(task).rows_an_epoch())
    if rows_a_step < 2 * processes and processes > 1:
        raise UsageError(
            f"effective_batch_size: {effective} (of {rows_a_step} rows at hand) is too little to share among "
            f"{processes} processes; set it to {2 * processes} or more, or machine.processes to 1"
        )
    sizes = MicroBatchSizes(task.checkpoint_path.with_name("micro_batch_sizes.json"), -(-rows_a_step // processes))
    while True:
        try:
            result = _run(task, accelerator, sizes)
            break
        except RuntimeError as error:
            # Of the CPU's memory, torch says so in a RuntimeError.
            if not isinstance(error, torch.OutOfMemoryError) and not should_reduce_batch_size(error):
                raise
            if sizes.tried == 1:
                raise too_large_for_memory() from error
        # Outside the handler, whose traceback would keep the tensors alive.
        size = sizes.halve()
        if processes > 1:
            raise StartAgain(f"out of memory: starting again with micro-batches of {size}")
        accelerator.free_memory()
        accelerator.print(f"out of memory: going on with micro-batches of {size}")
    if result.predictions:
        refuse_constant(result.predictions, learned_targets(task))
    return result


def _run(task: Task, accelerator: Accelerator, sizes: MicroBatchSizes) -> Fit:
    """From the start or the last checkpoint to the end, in the micro-batches that are known to fit."""
    run = start(task, accelerator)
    if not run.history and task.options.head_views:
        begin = time.perf_counter()
        run.predictions = run.predict(task.validation.at(task.options.image_sizes_px[0]), sizes.share)
        took = speed(len(task.validation), time.perf_counter() - begin)
        run.history.append({"epoch": 0, "learning_rate": 0.0, **task.score(run.predictions), **took})
        accelerator.print(told(run.history[-1], run.epochs))
    figures = []
    for phase in phases_of(task.options):
        if run.epochs_done < phase.end:
            with frozen_body(run.network, phase.body_frozen):
                run_phase(run, phase, sizes)
        figures.append(phase_figures(phase, run.history, sizes.of(phase)))
        accelerator.print(phase_told(figures[-1]))
    size = figures[-1]["micro_batch_size"] if figures else sizes.share
    _finish(run, size)
    device = accelerator.device
    return Fit(
        network=run.network,
        predictions=run.predictions,
        history=run.history,
        phases=figures,
        micro_batch_size=size,
        processes=accelerator.num_processes,
        device=torch.cuda.get_device_name(device) if device.type == "cuda" else device.type,
        activations=run.activations.table(),
        earlier_snapshots=snapshot_files(task, run.epochs)[:-1] if task.options.snapshots == "ensemble" else [],
    )


def _finish(run: Run, size: int) -> None:
    """The weights that the recipe asks for, and their predictions of the validation rows, at the last phase's size."""
    task, accelerator = run.task, run.accelerator
    validation = task.validation.at(task.options.image_size_px)
    accelerator.wait_for_everyone()  # the first process writes the snapshots
    snapshots = snapshot_files(task, run.epochs)
    if task.options.snapshots == "average":
        load_mean(run.network, snapshots)
        if not task.options.freeze_batch_norm:
            training = task.training.at(task.options.image_size_px)
            measure_batch_norm(run.network, batches_of(run, training, run.epochs, size), accelerator)
        run.predictions = run.predict(validation, size)
    elif task.options.snapshots == "ensemble":
        run.predictions = mean_predictions([run.predict(validation, size) for _ in each_loaded(run.network, snapshots)])
    else:
        if run.averaged.tensors:
            run.network.load_state_dict(run.averaged.tensors)
        run.predictions = run.predictions or run.predict(validation, size)
    if snapshots:
        scores = scores_told(task.score(run.predictions))
        accelerator.print(f"{task.options.snapshots} of {len(snapshots)} snapshots: {scores}")
