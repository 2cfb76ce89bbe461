#!/usr/bin/python3
"""Writes recipes.*: 20 steps of vdip-sparse, wdip and deblur-inr on a small network, by PyTorch (see README.md).

The losses are those of METHODS section 4, the schedules those of the recipes; all is in double from values that float32
holds exactly. Run it in this folder.
"""
import numpy as np
import torch
import torch.nn as nn
import torch.nn.functional as F

from make_golden import Fcn, Skip, Store, blur, scene, ssim, streak
from make_parts import expected_log_likelihood, sparse, wiener

H, W, KH, KW = 32, 34, 7, 9
LH, LW = H + KH - 1, W + KW - 1
STEPS, CHANNELS, SKIP, SCALES, HIDDEN = 20, 8, 4, 2, 48
SAMPLE = 8  # the stream of samples from a posterior, src/base/philox.h


def key(seed, stream):  # SplitMix64's finaliser
    mask = (1 << 64) - 1
    z = (seed + 0x9E3779B97F4A7C15 * stream) & mask
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9 & mask
    z = (z ^ (z >> 27)) * 0x94D049BB133111EB & mask
    z ^= z >> 31
    return z & 0xFFFFFFFF, z >> 32


def philox(draw, groups, k):
    """Philox4x32-10 (Salmon et al. 2011) of counters (group, draw): four words each."""
    low = np.uint64(0xFFFFFFFF)
    index = np.arange(groups, dtype=np.uint64)
    c = [index & low, index >> np.uint64(32), np.full(groups, draw, np.uint64), np.zeros(groups, np.uint64)]
    k0, k1 = k
    for _ in range(10):
        p0, p1 = np.uint64(0xD2511F53) * c[0], np.uint64(0xCD9E8D57) * c[2]
        high0, high1 = p0 >> np.uint64(32), p1 >> np.uint64(32)
        c = [high1 ^ c[1] ^ np.uint64(k0), p1 & low, high0 ^ c[3] ^ np.uint64(k1), p0 & low]
        k0, k1 = (k0 + 0x9E3779B9) & 0xFFFFFFFF, (k1 + 0xBB67AE85) & 0xFFFFFFFF
    return np.stack(c, 1)


def normal(draw, channels, stream):
    """Box-Muller, channels running fastest: what DP_RANDOM draws with seed 0."""
    n = channels * LH * LW
    u = ((philox(draw, (n + 3) // 4, key(0, stream)) >> np.uint64(8)) + np.uint64(1)).astype(np.float64) * 2.0 ** -24
    r, a = np.sqrt(-2 * np.log(u[:, 0::2])), 2 * np.pi * u[:, 1::2]
    numbers = np.stack((r * np.cos(a), r * np.sin(a)), 2).reshape(-1)[:n]
    return torch.tensor(numbers.reshape(LH, LW, channels).transpose(2, 0, 1).copy())


class Siren(nn.Module):
    """Positions in [-1, 1] over the window -> three layers of 64 sines -> softmax, rolled by whole pixels."""

    def __init__(self):
        super().__init__()
        self.siren = nn.Module()
        sizes = (2, 64, 64, 64)
        for i in range(3):
            layer = nn.Linear(sizes[i], sizes[i + 1])
            nn.init.uniform_(layer.weight, *((-0.5, 0.5) if i == 0 else (-np.sqrt(6 / 64) / 30, np.sqrt(6 / 64) / 30)))
            setattr(self.siren, "layer%d" % i, layer)
        self.siren.last = nn.Linear(64, 1)
        nn.init.uniform_(self.siren.last.weight, -1, 1)  # so large that the PSF must be rolled
        y, x = torch.meshgrid(torch.arange(KH) - KH // 2, torch.arange(KW) - KW // 2, indexing="ij")
        self.grid = torch.stack((x / (0.5 * KW), y / (0.5 * KH)), -1).view(-1, 2).float().double()
        self.roll = [0, 0]

    def forward(self, _):
        h = self.grid
        for i in range(3):
            h = torch.sin(30 * getattr(self.siren, "layer%d" % i)(h))
        psf = torch.softmax(self.siren.last(h).view(-1), 0).view(KH, KW)
        return psf.roll(tuple(self.roll), (0, 1))

    def centre(self, psf):
        for axis, side in ((0, KH), (1, KW)):
            centroid = (psf.sum(1 - axis) * (torch.arange(side) - side // 2)).sum() / psf.sum()
            self.roll[axis] -= int(torch.floor(centroid + 0.5))


def middle(x):
    return x[..., KH // 2 : KH // 2 + H, KW // 2 : KW // 2 + W]


def fourier():
    """16 frequencies from 1 to 256: sin and cos along x, then along y."""
    y, x = torch.meshgrid(torch.arange(LH).double() + 0.5, torch.arange(LW).double() + 0.5, indexing="ij")
    planes = []
    for f in 256.0 ** (torch.arange(16, dtype=torch.double) / 15):
        for at in (f * x / max(LH, LW), f * y / max(LH, LW)):
            planes += [torch.sin(at), torch.cos(at)]
    return torch.stack(planes)[None]


def rate(t, moments):
    return 0.5 ** sum(t >= m for m in moments)


def run(store, name, colours, net, psf_net, x, z, lr, moments, pretrain, step, extra=()):
    """step(t, latent, psf) -> loss to follow, loss to report. extra: further parameters with learning rates."""
    net.double(), psf_net.double()
    clear, k = scene(LH, LW).double(), streak(KH, KW).double()
    clear = torch.cat([clear * (1 - 0.2 * c) for c in range(colours)])  # (colours, 1, LH, LW)
    blurred = blur(clear, k)[:, 0].float().double()
    x, z = x.float().double(), z.float().double()
    noise = (("input", x), ("fcn.input", z)) if x.shape[1] < 64 else ()  # positions are the recipe's own
    for label, value in (*noise, ("blurred", blurred)):
        store.put(name + "/" + label, value)
    for module in (net, psf_net):
        for label, p in module.named_parameters():
            store.put(name + "/" + label, p)
    groups = [{"params": net.parameters(), "lr": lr[0]}, {"params": psf_net.parameters(), "lr": lr[1]}]
    groups += [{"params": [p], "lr": r} for p, r in extra]
    rates, losses = [g["lr"] for g in groups], []
    optimiser = torch.optim.Adam(groups)
    for t in range(-pretrain, STEPS):
        if t == 0 and pretrain:
            optimiser = torch.optim.Adam(groups)  # moments begin afresh
        for g, r in zip(optimiser.param_groups, rates):
            g["lr"] = r * rate(t, moments)
        optimiser.zero_grad()
        latent, psf = net(x)[0], psf_net(z)
        loss, report = step(t, latent, psf, blurred)
        loss.backward()
        losses.append(report.item())
        optimiser.step()
        if hasattr(psf_net, "centre"):
            psf_net.centre(psf.detach())
    store.put(name + "/losses", losses)
    store.put(name + "/psf", psf)
    print("%s: losses %.6f ... %.6f" % (name, losses[0], losses[-1]))


def planes(x, psf):  # blurs each channel
    return blur(x[:, None], psf)[:, 0]


def vdip(store):
    torch.manual_seed(5)
    net, fcn = Skip(3, 6, CHANNELS, SKIP, SCALES, 10), Fcn(200, HIDDEN, (KH, KW))

    def step(t, out, psf, data):
        e, s = out[:3], out[3:]
        if t < 0:
            loss = F.mse_loss(middle(e), data) + (middle(s) ** 2).mean() + ((psf - 1 / (KH * KW)) ** 2).mean()
            return loss, loss
        if t >= 8:
            loss = 1 - ssim(planes(e, psf)[:, None], data[:, None])
            return loss, loss
        sample = e + s * normal(t + 5, 3, SAMPLE)
        weight = 0.1 * 0.1 ** (t // 4)
        prior, value = sparse(e, s)
        rest = torch.log(s.clamp(min=1e-45)).mean() - 5 * (psf ** 2).sum()
        likelihood = expected_log_likelihood(sample, psf, data)
        return -(likelihood + weight * (rest - prior)), -(likelihood + weight * (rest - value))

    run(store, "vdip-sparse", 3, net, fcn, 0.1 * torch.rand(1, 3, LH, LW), 0.1 * torch.rand(200), (1e-2, 1e-4),
        (8, 12, 16), 5, step)


def wdip(store):
    torch.manual_seed(6)
    net, fcn = Skip(8, 1, CHANNELS, SKIP, SCALES, 10), Fcn(200, HIDDEN, (KH, KW))
    y, x = torch.meshgrid(torch.arange(KH) - KH // 2, torch.arange(KW) - KW // 2, indexing="ij")
    logits = (-0.5 * (3 * y / KH) ** 2 - 0.5 * (3 * x / KW) ** 2).double().float().double().requires_grad_()

    def step(t, out, psf, data):
        second = torch.softmax(logits.view(-1), 0).view(KH, KW)
        seen = planes(out, psf)
        loss = F.mse_loss(seen, data) if t < 4 else 1 - ssim(seen[:, None], data[:, None])
        loss = loss + 1e-3 * F.mse_loss(middle(out), middle(wiener(data, second, 0.025)))
        loss = loss + 1e-4 * ((psf - second) ** 2).sum() + 1e-3 * (second ** 2).sum()
        return loss, loss

    run(store, "wdip", 1, net, fcn, 0.1 * torch.rand(1, 8, LH, LW), 0.1 * torch.rand(200), (1e-2, 1e-4), (8, 12, 16), 0,
        step, [(logits, 0.05)])
    store.put("wdip/second", torch.softmax(logits.view(-1), 0))


def inr(store):
    torch.manual_seed(7)

    def step(t, out, psf, data):
        loss = 1 - ssim(planes(out, psf)[:, None], data[:, None])
        return loss, loss

    siren = Siren()
    run(store, "deblur-inr", 1, Skip(64, 1, CHANNELS, SKIP, SCALES, 10), siren, fourier(), torch.zeros(1), (5e-3, 5e-5),
        (8, 16), 0, step)
    print("rolled by", siren.roll)


if __name__ == "__main__":
    torch.set_num_threads(1)
    everything = Store()
    for part in (vdip, wdip, inr):
        part(everything)
    everything.save("recipes")
