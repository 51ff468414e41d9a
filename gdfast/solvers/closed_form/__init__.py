"""The closed form: the whole path of full-batch descent on a squared error from one QR."""
