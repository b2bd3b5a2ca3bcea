from types import SimpleNamespace

import pytest
import torch
from scripts.super_resolution.enhancers.diffusion_sampling import sample_latents


class Recorder(torch.nn.Module):
    """Predicts no noise, and keeps what it was given."""

    def __init__(self):
        super().__init__()
        self.inputs = []

    def forward(self, sample, timestep):
        self.inputs.append(sample.clone())
        return SimpleNamespace(sample=torch.zeros_like(sample[:, :3]))


class GaussianScore(torch.nn.Module):
    """Exact noise prediction for data of mean m and standard deviation s."""

    def __init__(self, alphas_cumprod, mean=0.3, std=0.29):
        super().__init__()
        self.alphas_cumprod, self.mean, self.std = alphas_cumprod, mean, std

    def forward(self, sample, timestep):
        alpha = self.alphas_cumprod[int(timestep)]
        variance = alpha * self.std**2 + 1 - alpha
        return SimpleNamespace(sample=(1 - alpha).sqrt() * (sample[:, :3] - alpha.sqrt() * self.mean) / variance)


def schedule(kind, steps, **kwargs):
    import diffusers

    scheduler = getattr(diffusers, kind)(beta_start=0.0015, beta_end=0.0155, beta_schedule="scaled_linear", **kwargs)
    scheduler.set_timesteps(steps)
    return scheduler


@pytest.mark.parametrize("kind", ["EulerDiscreteScheduler", "DDIMScheduler", "DPMSolverMultistepScheduler"])
def test_condition_reaches_the_network_unscaled(kind):
    # diffusers' own pipeline dims it with Euler: mean 0.013 instead of 0.503 at the first step.
    condition = torch.rand(2, 3, 8, 8)
    network = Recorder()
    generators = [torch.Generator().manual_seed(i) for i in range(2)]
    sample_latents(network, schedule(kind, 4), condition, 3, generators)
    assert len(network.inputs) == 4
    assert all(torch.equal(given[:, 3:], condition) for given in network.inputs)
    assert abs(float(network.inputs[0][:, :3].std()) - 1.0) < 0.15


def test_ten_solver_steps_are_closer_to_the_exact_solution_than_a_hundred_of_ddim():
    condition = torch.zeros(4, 3, 16, 16)
    generators = lambda: [torch.Generator().manual_seed(i) for i in range(4)]  # noqa: E731
    ddim = schedule("DDIMScheduler", 100, clip_sample=False, steps_offset=1)
    solver = schedule("DPMSolverMultistepScheduler", 10, use_lu_lambdas=True)
    alphas = ddim.alphas_cumprod
    noise = torch.cat([torch.randn(1, 3, 16, 16, generator=generator) for generator in generators()])
    last = alphas[-1]
    exact = 0.3 + 0.29 * (noise - last.sqrt() * 0.3) / (last * 0.29**2 + 1 - last).sqrt()
    error = {
        name: (sample_latents(GaussianScore(alphas), scheduler, condition, 3, generators()) - exact).square().mean()
        for name, scheduler in (("ddim", ddim), ("dpm", solver))
    }
    assert error["dpm"] < error["ddim"] < 0.05**2


def test_new_noise_in_every_step_is_that_of_diffusers_and_comes_from_the_generator_of_each_image():
    condition = torch.zeros(2, 3, 16, 16)
    settings = {"clip_sample": False, "steps_offset": 1}
    alphas = schedule("DDIMScheduler", 100, **settings).alphas_cumprod

    def sample(images, eta):
        scheduler = schedule("DDIMScheduler", 100, **settings)
        generators = [torch.Generator().manual_seed(index) for index in images]
        return sample_latents(GaussianScore(alphas), scheduler, condition[images], 3, generators, eta=eta)

    batch = sample([0, 1], 1.0)
    assert torch.equal(batch, torch.cat([sample([0], 1.0), sample([1], 1.0)]))
    scheduler, generator = schedule("DDIMScheduler", 100, **settings), torch.Generator().manual_seed(0)
    latents = torch.randn(1, 3, 16, 16, generator=generator)
    for timestep in scheduler.timesteps:
        predicted = GaussianScore(alphas)(latents, timestep).sample
        latents = scheduler.step(predicted, timestep, latents, eta=1.0, generator=generator).prev_sample
    assert torch.allclose(batch[:1], latents, atol=1e-5)
    assert (batch - sample([0, 1], 0.0)).abs().mean() > 0.1
