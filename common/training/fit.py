"""The training loop: head first, then the whole network in one cycle; resumes from its last epoch."""

import time

import numpy as np
import torch
from accelerate import Accelerator
from accelerate.utils import broadcast
from filelock import FileLock

from common.errors import StartAgain, UsageError
from common.files import read_json, write_json
from common.progress import track
from common.randomness import torch_seed
from common.training.average import WeightAverage
from common.training.checkpoint import Checkpoint, load_checkpoint, restore_optimizer, save_checkpoint
from common.training.data import Batch, epoch_steps, micro_batches
from common.training.epoch import Learner, train_epoch
from common.training.history import speed, told
from common.training.memory import peak_memory_bytes
from common.training.network import Network, parameter_groups
from common.training.predict import Inference, to_predictions
from common.training.refusals import refuse_constant, too_large_for_memory
from common.training.schedule import one_cycle
from common.training.task import Fit, Task, learned_targets


def fit(task: Task) -> Fit:
    """Train, and score the validation rows after each epoch.

    An interrupted training goes on from its last epoch and ends with the same weights. A micro-batch that is
    too large for the device is halved, and the epoch begun again; of several processes, one that runs out of
    memory leaves the others waiting in the middle of a step, so that it raises StartAgain.

    Raises PodiumError where the loss is not finite, or where every row gets the same prediction.
    """
    accelerator = task.hardware.accelerator(task.options.precision)
    checkpoint = load_checkpoint(task.checkpoint_path)
    share = -(-task.options.effective_batch_size // accelerator.num_processes)
    micro_batch_size = min(checkpoint.micro_batch_size, share) if checkpoint else share
    remembered = task.checkpoint_path.with_name("micro_batch_size.json")
    if remembered.is_file():
        micro_batch_size = min(micro_batch_size, read_json(remembered)["micro_batch_size"])
    while True:
        try:
            result = _run(task, accelerator, micro_batch_size)
            break
        except torch.OutOfMemoryError as error:
            if micro_batch_size == 1:
                raise too_large_for_memory() from error
        # Outside the handler, whose traceback would keep the tensors alive.
        micro_batch_size = (micro_batch_size + 1) // 2
        if accelerator.num_processes > 1:
            with FileLock(remembered.with_suffix(".lock")):
                write_json(remembered, {"micro_batch_size": micro_batch_size})
            raise StartAgain(f"out of memory: starting again with micro-batches of {micro_batch_size}")
        accelerator.free_memory()
        accelerator.print(f"out of memory: going on with micro-batches of {micro_batch_size}")
    refuse_constant(result.predictions, learned_targets(task))
    return result


def _run(task: Task, accelerator: Accelerator, micro_batch_size: int) -> Fit:
    options, device, processes = task.options, accelerator.device, accelerator.num_processes
    network = task.make()
    optimizer = torch.optim.AdamW(parameter_groups(network, options), lr=options.learning_rate, betas=(0.9, 0.99))
    checkpoint = load_checkpoint(task.checkpoint_path)
    if checkpoint:
        network.load_state_dict(checkpoint.weights)
        restore_optimizer(optimizer, checkpoint.optimizer)
        accelerator.print(f"resuming after epoch {checkpoint.epochs_done}")
    if min(options.effective_batch_size, len(task.training)) < 2 * processes and processes > 1:
        raise UsageError(
            f"effective_batch_size: {options.effective_batch_size} (of {len(task.training)} rows) is too little to "
            f"share among {processes} processes; set it to {2 * processes} or more, or machine.processes to 1"
        )
    model, optimizer = accelerator.prepare(network, optimizer)
    if checkpoint and accelerator.scaler:
        accelerator.scaler.load_state_dict(checkpoint.scale)
    history = list(checkpoint.history) if checkpoint else []
    steps_an_epoch = -(-len(task.training) // options.effective_batch_size)
    averaged = WeightAverage(
        network,
        options.weight_average,
        checkpoint.averaged if checkpoint else {},
        checkpoint.epochs_done * steps_an_epoch if checkpoint else 0,
    )
    predictions: dict[str, np.ndarray] = {}

    accelerator.print(
        f"{len(task.training):,} rows, {steps_an_epoch} steps an epoch; effective batch size "
        f"{options.effective_batch_size} = {processes} process(es) x "
        f"{-(-options.effective_batch_size // (micro_batch_size * processes))} micro-batch(es) of up to "
        f"{-(-min(micro_batch_size * processes, options.effective_batch_size) // processes)} on {device}"
    )
    if not history and options.head_views:
        begin = time.perf_counter()
        predictions = _predict(network, task, accelerator, micro_batch_size)
        took = speed(len(task.validation), time.perf_counter() - begin)
        history.append({"epoch": 0, "learning_rate": 0.0, **task.score(predictions), **took})
        accelerator.print(told(history[-1], options.epochs))
    learner = Learner(network, model, optimizer, averaged, accelerator)
    for epoch in range(int(history[-1]["epoch"]) if history else 0, options.epochs):
        begin = time.perf_counter()
        batches = micro_batches(
            task.training,
            epoch_steps(task.training.ids, options.effective_batch_size, task.seed, epoch),
            micro_batch_size,
            options.augmentation,
            task.seed,
            ("train", epoch),
            task.hardware.loader_workers,
            accelerator.process_index,
            processes,
        )
        what, images = f"epoch {epoch + 1}/{options.epochs}", len(task.training) // processes
        batches = track(batches, what, images, "images", _rows, summary=False)

        def rate_of(step: int, before: int = epoch * steps_an_epoch) -> float:
            share = one_cycle(before + step, options.epochs * steps_an_epoch, options.warmup_share)
            return options.learning_rate * share

        # Dropout and stochastic depth draw from torch's global generator: each epoch has its own.
        with torch_seed(task.seed, "train", epoch, accelerator.process_index, device=device):
            train_loss, rate = train_epoch(learner, task, batches, epoch, rate_of)
        seconds = time.perf_counter() - begin

        with averaged.applied(network):
            predictions = _predict(network, task, accelerator, micro_batch_size)
        figures = task.score(predictions)
        history.append(
            {
                "epoch": epoch + 1,
                "learning_rate": rate,
                "train_loss": train_loss,
                **figures,
                **speed(len(task.training), seconds),
            }
        )
        accelerator.print(told(history[-1], options.epochs))
        if accelerator.is_main_process:
            scale = accelerator.scaler.state_dict() if accelerator.scaler else {}
            save_checkpoint(
                task.checkpoint_path,
                Checkpoint(
                    epochs_done=epoch + 1,
                    micro_batch_size=micro_batch_size,
                    history=history,
                    scale=scale,
                    weights=network.state_dict(),
                    averaged=averaged.tensors,
                    optimizer=optimizer.state_dict(),
                ),
            )
    if averaged.tensors:
        network.load_state_dict(averaged.tensors)
    return Fit(
        network=network,
        predictions=predictions or _predict(network, task, accelerator, micro_batch_size),
        history=history,
        micro_batch_size=micro_batch_size,
        processes=processes,
        device=torch.cuda.get_device_name(device) if device.type == "cuda" else device.type,
        peak_memory_bytes=peak_memory_bytes(device),
    )


def _predict(network: Network, task: Task, accelerator: Accelerator, batch_size: int) -> dict[str, np.ndarray]:
    # Running statistics are of each process's own pictures: those of the first one are kept.
    broadcast(list(network.buffers()))
    inference = Inference(accelerator, task.seed, batch_size, task.hardware.loader_workers)
    return to_predictions(inference.run(network, task.validation), task.targets)


def _rows(batch: Batch) -> int:
    return len(batch.rows)
