"""One pass over the training rows: forward, backward, and an optimiser step where a step's rows are complete."""

from collections.abc import Callable, Iterable
from contextlib import nullcontext
from dataclasses import dataclass

import torch
from accelerate import Accelerator
from accelerate.optimizer import AcceleratedOptimizer

from common.training.average import WeightAverage
from common.training.data import Batch
from common.training.loss import loss_share
from common.training.network import Network, freeze_batch_norm
from common.training.refusals import refuse_not_finite
from common.training.target_weights import weights_of_targets
from common.training.task import Task

_STEPS_BETWEEN_CHECKS = 32  # reading the loss makes the device wait


@dataclass(frozen=True)
class Learner:
    """A network and what changes its weights."""

    network: Network
    model: torch.nn.Module  # the network, wrapped for several processes where there are several
    optimizer: AcceleratedOptimizer
    averaged: WeightAverage
    accelerator: Accelerator


def train_epoch(
    learner: Learner, task: Task, batches: Iterable[Batch], epoch: int, rate_of: Callable[[int], float]
) -> tuple[float, float]:
    """Train on all batches; returns the mean loss over their rows, and the last learning rate.

    rate_of  from a step of this epoch, counted from 0, to its learning rate

    Raises PodiumError where the loss is not finite.
    """
    options, accelerator, model = task.options, learner.accelerator, learner.model
    model.train()
    freeze_batch_norm(learner.network, everywhere=options.freeze_batch_norm)
    loss_sum = torch.zeros((), device=accelerator.device)
    step, rate, rows = 0, 0.0, 0
    for batch in batches:
        # Processes meet at the end of a step alone: their shares of it may have different numbers of batches.
        with nullcontext() if batch.ends_step else accelerator.no_sync(model):
            loss = batch_loss(model, batch, task, accelerator.device)
            # Gradients are averaged over processes, but shares of a loss are to be added up.
            accelerator.backward(loss * accelerator.num_processes)
        loss_sum += loss.detach() * batch.step_rows
        if not batch.ends_step:
            continue
        rows += batch.step_rows
        rate = rate_of(step)
        for group in learner.optimizer.param_groups:
            group["lr"] = rate * group["lr_scale"]
        if options.gradient_clip:
            accelerator.clip_grad_norm_(model.parameters(), options.gradient_clip)
        learner.optimizer.step()
        learner.optimizer.zero_grad()
        learner.averaged.update(learner.network)
        step += 1
        if step % _STEPS_BETWEEN_CHECKS == 0:
            refuse_not_finite(accelerator.reduce(loss_sum), epoch, rate)
    loss = accelerator.reduce(loss_sum) / rows
    refuse_not_finite(loss, epoch, rate)
    return float(loss), rate


def batch_loss(model: torch.nn.Module, batch: Batch, task: Task, device: torch.device) -> torch.Tensor:
    """What a micro-batch adds to the loss of its step, a scalar: forward, ready for backward."""
    batch = batch.to(device)
    logits = model(batch.pixels, batch.light).float()
    return loss_share(
        logits,
        batch.truth,
        task.targets,
        task.options.label_smoothing,
        batch.step_known,
        weights_of_targets(task.options, task.targets),
        batch.share,
        batch.partner_truth,
    )
