#!/usr/bin/python3
"""Writes parts.*: the losses of VDIP, and other ops, with their gradients, by PyTorch (see README.md).

The formulas are written as METHODS section 4 has them, with detached weights, not as the ops compute them. Everything
is in double from values that float32 holds exactly. Run it in this folder.
"""
import torch
import torch.nn.functional as F

from make_golden import Store, blur as blur_planes, ssim

C, H, W, KH, KW, WINDOW = 3, 40, 43, 7, 5, 35


def leaf(value):
    return value.float().double().requires_grad_()


def rows(x):  # forward differences down and right
    return x[..., 1:, :] - x[..., :-1, :]


def columns(x):
    return x[..., :, 1:] - x[..., :, :-1]


def blur(x, psf):  # of each channel
    return blur_planes(x[:, None], psf)[:, 0]


def square(x):
    return (x ** 2).sum()


def expected_log_likelihood(x, psf, data):  # EXP, METHODS section 4, with one sample x
    r = blur(x, psf) - data
    derivatives = square(blur(rows(x), psf) - rows(data)) + square(blur(columns(x), psf) - columns(data))
    first = square(rows(r)) + square(columns(r))
    second = (square(rows(rows(r))) + square(columns(rows(r))) + square(columns(columns(r))) +
              square(rows(columns(r))))
    return -(square(r) / 2 + first / 4 + second / 8 + derivatives / 4) / x.numel()


def detached(p, eps=0.0):
    return (p / (p + eps).detach()).mean() / 4


def sparse(e, s):
    pv = rows(e) ** 2 + s[..., 1:, :] ** 2 + s[..., :-1, :] ** 2
    ph = columns(e) ** 2 + s[..., :, 1:] ** 2 + s[..., :, :-1] ** 2
    value = (torch.log(pv + 1e-6).mean() + torch.log(ph + 1e-6).mean()) / 4
    return detached(pv, 1e-6) + detached(ph, 1e-6), value


def least(q):  # over channels, then over the window
    q = q.min(dim=0, keepdim=True)[0]
    return -F.max_pool2d(-q[None], WINDOW, stride=1, padding=WINDOW // 2)[0]


def extreme(e, s, z):
    dark = least(e ** 2 + s ** 2 + z * (4 * e ** 2 * s ** 2 + 2 * s ** 4 + 1e-32).sqrt())
    bright = least((1 - e) ** 2 + s ** 2 + z * (4 * s ** 2 + 4 * e ** 2 * s ** 2 + 2 * s ** 4 + 1e-32).sqrt())
    value = (dark.abs().log().mean() + bright.abs().log().mean()) / 4
    return detached(dark) + detached(bright), value


def good_size(n):
    while n % 8 or any(n // 8 % p == 0 for p in range(11, n) if all(p % q for q in range(2, p))):
        n += 1
    return n


def periodic(x, dim, n):  # from the last to the first in equal steps
    length = x.shape[dim]
    shape = [1, 1, 1]
    shape[dim] = n - length
    t = (torch.arange(1, n - length + 1, dtype=x.dtype) / (n - length + 1)).reshape(shape)
    last, first = x.narrow(dim, length - 1, 1), x.narrow(dim, 0, 1)
    return torch.cat((x, (1 - t) * last + t * first), dim)


def wiener(x, psf, constant):
    kh, kw = psf.shape
    h, w = x.shape[1] + kh - 1, x.shape[2] + kw - 1
    rows_, columns_ = good_size(h), good_size(w)
    x = periodic(periodic(x, 2, columns_), 1, rows_)
    otf = torch.zeros(rows_, columns_, dtype=x.dtype)
    otf[:kh, :kw] = psf
    otf = torch.fft.fft2(otf.roll((-(kh // 2), -(kw // 2)), (0, 1)))
    y = torch.fft.ifft2(torch.fft.fft2(x) * otf.conj() / (otf.abs() ** 2 + constant)).real
    return y.roll((kh // 2, kw // 2), (1, 2))[:, :h, :w]


def downsample(x, factor, lobes):  # with a kernel made in 2-D, border repeated
    taps = 2 * lobes * factor
    d = (torch.arange(taps, dtype=torch.double) - (taps - 1) / 2) / factor
    kernel = torch.outer(torch.sinc(d) * torch.sinc(d / lobes), torch.sinc(d) * torch.sinc(d / lobes))
    pad = (taps - factor) // 2
    x = F.pad(x[:, None], (pad,) * 4, mode="replicate")
    return F.conv2d(x, (kernel / kernel.sum())[None, None], stride=factor)[:, 0]


def put(store, name, value, loss, *inputs):
    """The value, and the gradient of the loss for each named input."""
    store.put(name, value)
    gradients = torch.autograd.grad(loss, [x for _, x in inputs])
    for (label, _), gradient in zip(inputs, gradients):
        store.put("%s.d%s" % (name, label), gradient)


def main():
    torch.manual_seed(11)
    store = Store()
    shape = (C, H + KH - 1, W + KW - 1)
    e, s = leaf(torch.rand(shape)), leaf(0.2 * torch.rand(shape))
    z, psf = leaf(torch.randn(shape)), leaf(torch.softmax(torch.randn(KH * KW), 0).reshape(KH, KW))
    with torch.no_grad():
        data = (blur(torch.rand(shape).double(), psf) + 0.02 * torch.randn(C, H, W)).float().double()
        x = leaf(e + s * z)
    for name, value in (("mean", e), ("std", s), ("noise", z), ("psf", psf), ("data", data), ("sample", x)):
        store.put(name, value)
    likelihood = -expected_log_likelihood(x, psf, data)
    put(store, "exp", likelihood, likelihood, ("x", x), ("psf", psf))
    log = torch.log(torch.max(s, torch.tensor(1e-45, dtype=torch.double))).mean()
    put(store, "log", log, log, ("x", s))
    loss, value = sparse(e, s)
    put(store, "sparse", value, loss, ("mean", e), ("std", s))
    loss, value = extreme(e, s, z)
    put(store, "extreme", value, loss, ("mean", e), ("std", s))
    seen = leaf(blur(e, psf).detach())
    store.put("seen", seen)
    loss = 1 - ssim(seen[:, None], data[:, None])  # channels as a batch: the mean over all
    put(store, "ssim", loss, loss, ("x", seen))
    loss = F.mse_loss(seen, data)
    put(store, "mse", loss, loss, ("x", seen))
    image = wiener(data, psf, 0.025)
    put(store, "wiener", image, (image * e.detach()).sum(), ("psf", psf))
    large, weights = leaf(torch.rand(2, 40, 56)), leaf(torch.randn(2, 10, 14))
    small = downsample(large, 4, 2)
    store.put("large", large)
    store.put("weights", weights)
    put(store, "small", small, (small * weights).sum(), ("x", large))
    store.save("parts")


if __name__ == "__main__":
    main()
