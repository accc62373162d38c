"""Looking into models: codes and latent spaces, probes of encoders, classification by generative models."""
