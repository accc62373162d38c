"""Adversarial losses of logits of any shape, averaged over all of it."""

import tensorflow as tf


def _bce(label, logits):
    labels = tf.fill(tf.shape(logits), tf.cast(label, logits.dtype))
    return tf.reduce_mean(tf.nn.sigmoid_cross_entropy_with_logits(labels, logits))


def minimax_discriminator_loss(real_logits, fake_logits):
    """-E[log D(x)] - E[log(1 - D(G(z)))], D the logits' sigmoid (Goodfellow et al., 2014, eq. 1)."""
    return _bce(1.0, real_logits) + _bce(0.0, fake_logits)


def minimax_generator_loss(fake_logits):
    """E[log(1 - D(G(z)))] (Goodfellow et al., 2014, eq. 1)."""
    return -_bce(0.0, fake_logits)


def non_saturating_generator_loss(fake_logits):
    """-E[log D(G(z))] (Goodfellow et al., 2014, section 3)."""
    return _bce(1.0, fake_logits)


def wasserstein_discriminator_loss(real_logits, fake_logits):
    """E[D(G(z))] - E[D(x)] (Arjovsky et al., 2017, eq. 2)."""
    return tf.reduce_mean(fake_logits) - tf.reduce_mean(real_logits)


def wasserstein_generator_loss(fake_logits):
    """-E[D(G(z))] (Arjovsky et al., 2017)."""
    return -tf.reduce_mean(fake_logits)


def hinge_discriminator_loss(real, fake):
    """E[max(0, 1 - D(x))] + E[max(0, 1 + D(G(z)))] (Lim and Ye, 2017, section 4)."""
    return tf.reduce_mean(tf.nn.relu(1 - real)) + tf.reduce_mean(tf.nn.relu(1 + fake))


def hinge_generator_loss(fake):
    """-E[D(G(z))] (Lim and Ye, 2017, section 4)."""
    return -tf.reduce_mean(fake)


def gradient_penalty(critic, real, fake, alpha):
    """E[(||grad_x critic(x)||_2 - 1)**2] on x = real + alpha (fake - real) (Gulrajani et al., 2017).

    Args:
        critic: images (n, h, w, c) -> scores (n, 1).
        real, fake: (n, h, w, c).
        alpha: in (0, 1), shape (n, 1, 1, 1).
    """
    between = real + alpha * (fake - real)
    with tf.GradientTape() as tape:
        tape.watch(between)
        score = critic(between)
    # The small number keeps the root differentiable where the gradient is zero.
    slope = tf.sqrt(tf.reduce_sum(tape.gradient(score, between) ** 2, axis=(1, 2, 3)) + 1e-12)
    return tf.reduce_mean((slope - 1) ** 2)
