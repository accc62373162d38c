"""A model's training step against the same networks, losses and optimizers written in PyTorch.

PyTorch is no dependency: without it the benchmark says so and has no rows. Its code is what one would
write by hand: eager, images (n, c, h, w), one pass of the generator for both updates where both are due.
"""

import contextlib
import importlib.util
import itertools
import math

from tools.benchmarks import children, onednn, ratio, take_turns, training

BATCH = training.BATCH


def prepare(name):
    """A function that makes a round of the game, or a step, in PyTorch."""
    return CASES[name]()[1]


def parameters(name):
    return sum(p.numel() for net in CASES[name]()[0] for p in net.parameters())


def run():
    if importlib.util.find_spec("torch") is None:
        print("torch is not installed: no rows against PyTorch")
        return []
    rows = []
    for name in CASES:
        check(name)
        with contextlib.ExitStack() as stack:
            ways = {
                "tfgen": stack.enter_context(children.way(onednn.__name__, name)),
                "torch": stack.enter_context(children.way(__name__, name)),
            }
            times = take_turns(ways, rounds=25, warm_up=6)
        rows.append({"model": name, "batch": BATCH, **times, **ratio(times, "tfgen", "torch")})
        print(rows[-1], flush=True)
    return rows


def check(name):
    """That the networks have as many parameters as ours."""
    model = training.MODELS[name]()
    networks = {id(net): net for objective in model.objectives().values() for net in objective.networks}
    ours = sum(math.prod(v.shape) for net in networks.values() for v in net.trainable_variables)
    if parameters(name) != ours:
        raise AssertionError(f"{name}: {parameters(name)} parameters in PyTorch, {ours} of ours")


def _generator(latent_dim, width, hidden=None, activation=None):
    """`networks.dcgan_generator` for 28x28x1."""
    from torch import nn

    first = [nn.Linear(latent_dim, hidden, bias=False), nn.BatchNorm1d(hidden), nn.ReLU()] if hidden else []
    return nn.Sequential(
        *first,
        nn.Linear(hidden or latent_dim, 49 * 2 * width, bias=False),
        nn.Unflatten(1, (2 * width, 7, 7)),
        nn.BatchNorm2d(2 * width),
        nn.ReLU(),
        nn.ConvTranspose2d(2 * width, width, 4, 2, 1, bias=False),
        nn.BatchNorm2d(width),
        nn.ReLU(),
        nn.ConvTranspose2d(width, 1, 4, 2, 1),
        *([activation] if activation else []),
    )


def _body(width, normalization=None, wrap=lambda layer: layer):
    """`networks.dcgan_discriminator` for 28x28x1, without its last layer."""
    from torch import nn

    norm = {"batch": lambda: nn.BatchNorm2d(2 * width), "layer": lambda: nn.GroupNorm(1, 2 * width)}
    return nn.Sequential(
        wrap(nn.Conv2d(1, width, 4, 2, 1)),
        nn.LeakyReLU(0.2),
        wrap(nn.Conv2d(width, 2 * width, 4, 2, 1, bias=normalization is None)),
        *([norm[normalization]()] if normalization else []),
        nn.LeakyReLU(0.2),
        nn.Flatten(),
    )


def _images(low, high):
    import torch

    return torch.empty(BATCH, 1, 28, 28).uniform_(low, high)


def _step(optimizer, loss):
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()


def _game(generator, discriminator, latents, d_loss, g_loss, rate, betas, every=1):
    import torch

    rates = rate if isinstance(rate, tuple) else (rate, rate)
    d_step, g_step = (
        torch.optim.Adam(net.parameters(), one, betas=betas)
        for net, one in zip((discriminator, generator), rates)
    )
    images, counts = _images(-1, 1), itertools.count(1)

    def call():
        for _ in range(every):
            z = latents()
            due = next(counts) % every == 0
            with contextlib.nullcontext() if due and every == 1 else torch.no_grad():
                fakes = generator(z)
            _step(d_step, d_loss(discriminator, images, fakes.detach(), z))
        if every > 1:
            z = latents()
            fakes = generator(z)
        loss = g_loss(discriminator, fakes, z)
        _step(g_step, loss)
        return loss.item()

    return (generator, discriminator), call


def _bce(logits, target):
    import torch

    return torch.nn.functional.binary_cross_entropy_with_logits(logits, torch.full_like(logits, target))


def dcgan():
    import torch
    from torch import nn

    discriminator = nn.Sequential(_body(64, "batch"), nn.Linear(128 * 49, 1))

    def d_loss(net, real, fakes, z):
        return _bce(net(real), 1.0) + _bce(net(fakes), 0.0)

    def g_loss(net, fakes, z):
        return _bce(net(fakes), 1.0)

    def latents():
        return torch.empty(BATCH, 100).uniform_(-1, 1)

    return _game(
        _generator(100, 64, activation=nn.Tanh()), discriminator, latents, d_loss, g_loss, 2e-4, (0.5, 0.999)
    )


def wgangp():
    import torch
    from torch import nn

    critic = nn.Sequential(_body(32, "layer"), nn.Linear(64 * 49, 1))

    def d_loss(net, real, fakes, z):
        between = (real + torch.rand(BATCH, 1, 1, 1) * (fakes - real)).requires_grad_()
        (gradient,) = torch.autograd.grad(net(between).sum(), between, create_graph=True)
        slope = torch.sqrt((gradient**2).sum((1, 2, 3)) + 1e-12)
        return net(fakes).mean() - net(real).mean() + 10 * ((slope - 1) ** 2).mean()

    def g_loss(net, fakes, z):
        return -net(fakes).mean()

    def latents():
        return torch.randn(BATCH, 128)

    generator = _generator(128, 32, activation=nn.Tanh())
    return _game(generator, critic, latents, d_loss, g_loss, 1e-4, (0.0, 0.9), every=5)


def sngan():
    import torch
    from torch import nn
    from torch.nn.functional import relu
    from torch.nn.utils.parametrizations import spectral_norm

    discriminator = nn.Sequential(_body(32, wrap=spectral_norm), spectral_norm(nn.Linear(64 * 49, 1)))

    def d_loss(net, real, fakes, z):
        return relu(1 - net(real)).mean() + relu(1 + net(fakes)).mean()

    def g_loss(net, fakes, z):
        return -net(fakes).mean()

    def latents():
        return torch.randn(BATCH, 128)

    generator = _generator(128, 32, activation=nn.Tanh())
    return _game(generator, discriminator, latents, d_loss, g_loss, 2e-4, (0.5, 0.999))


def infogan():
    import torch
    from torch import nn
    from torch.nn.functional import cross_entropy, gaussian_nll_loss

    width = 32

    class Discriminator(nn.Module):
        def __init__(self):
            super().__init__()

            def hidden(inputs, units):
                return nn.Sequential(
                    nn.Linear(inputs, units, bias=False), nn.BatchNorm1d(units), nn.LeakyReLU(0.2)
                )

            self.body = nn.Sequential(_body(width, "batch"), hidden(2 * width * 49, 16 * width))
            self.logit = nn.Linear(16 * width, 1)
            self.codes = nn.Sequential(hidden(16 * width, 2 * width), nn.Linear(2 * width, 12))

        def forward(self, x):
            x = self.body(x)
            return self.logit(x), self.codes(x)

    def said(codes, z):
        mean, one = codes[:, 10:], torch.ones(())
        nats = gaussian_nll_loss(mean, z[:, 10:12], one.expand_as(mean), full=True)
        return cross_entropy(codes[:, :10], z[:, :10]) + 2 * nats

    def d_loss(net, real, fakes, z):
        fake, codes = net(fakes)
        return _bce(net(real)[0], 1.0) + _bce(fake, 0.0) + said(codes, z)

    def g_loss(net, fakes, z):
        fake, codes = net(fakes)
        return _bce(fake, 1.0) + said(codes, z)

    def latents():
        category = nn.functional.one_hot(torch.randint(10, (BATCH,)), 10).float()
        return torch.cat([category, torch.empty(BATCH, 64).uniform_(-1, 1)], 1)

    generator = _generator(74, width, hidden=16 * width, activation=nn.Tanh())
    return _game(generator, Discriminator(), latents, d_loss, g_loss, (2e-4, 1e-3), (0.5, 0.999))


def _vae(encoder, decoder, latent_dim):
    import torch
    from torch.nn.functional import binary_cross_entropy_with_logits, softplus

    optimizer = torch.optim.Adam([*encoder.parameters(), *decoder.parameters()], 1e-3)
    images = _images(0, 1)

    def call():
        mean, raw = encoder(images).chunk(2, 1)
        scale = softplus(raw) + 1e-5
        logits = decoder(mean + scale * torch.randn(BATCH, latent_dim))
        nats = binary_cross_entropy_with_logits(logits, images, reduction="sum") / BATCH
        rate = 0.5 * (mean**2 + scale**2 - 1 - 2 * scale.log()).sum(1).mean()
        loss = nats + rate
        _step(optimizer, loss)
        return loss.item()

    return (encoder, decoder), call


def vae():
    from torch import nn

    return _vae(nn.Sequential(_body(32), nn.Linear(64 * 49, 40)), _generator(20, 32), 20)


def dense_vae():
    from torch import nn

    def mlp(inputs, outputs):
        layers = nn.Linear(inputs, 200), nn.Tanh(), nn.Linear(200, 200), nn.Tanh(), nn.Linear(200, outputs)
        return nn.Sequential(*layers)

    encoder = nn.Sequential(nn.Flatten(), mlp(784, 100))
    return _vae(encoder, nn.Sequential(mlp(50, 784), nn.Unflatten(1, (1, 28, 28))), 50)


CASES = {
    "DCGAN 28x28 width 64": dcgan,
    "WGAN-GP 28x28 width 32": wgangp,
    "SNGAN 28x28 width 32": sngan,
    "InfoGAN 28x28 width 32": infogan,
    "VAE 28x28 convolutional": vae,
    "VAE 28x28 dense 200-200": dense_vae,
}
